/** What a refusal means and what to do, in the words of our inputs. docs/troubleshooting.md is made from these. */
export interface Advice {
  codes: string[];
  /** A sentence. */
  cause: string;
  /** One sentence or more. */
  fix: string;
}
