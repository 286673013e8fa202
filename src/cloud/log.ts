/** Where each folder says what it does: one fact a line. */
export interface Log {
  info: (line: string) => void;
  warning: (line: string) => void;
}
