/** What an error means and what to do, in terms of the inputs. docs/troubleshooting.md is generated from these. */
export interface Advice {
  codes: string[];
  /** A sentence. */
  cause: string;
  /** One or more sentences. */
  fix: string;
}
