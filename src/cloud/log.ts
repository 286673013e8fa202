/** The log of the run. Each line states one fact. */
export interface Log {
  info: (line: string) => void;
  warning: (line: string) => void;
}
