/** How the simulated runner handles the lines that an action prints and the files that it writes. */

/** A workflow command, with its name in lower case and its values unescaped. */
export interface Command {
  command: string;
  properties: Record<string, string>;
  message: string;
}

/** The commands of ActionCommandManager.cs; case does not matter. `notice` needs a flag, which is on at github.com. */
const COMMANDS =
  'add-mask add-matcher add-path debug echo endgroup error group notice remove-matcher save-state set-env set-output ' +
  'stop-commands warning';

/**
 * Finds a command in a line as ActionCommand.cs does: `::name key=value,key=value::message` after white space only (which
 * includes NEL in .NET), or else the older form `##[name key=value;key=value]message` at the first `##[` of the line.
 */
export function parseCommand(line: string, known: ReadonlySet<string>): Command | undefined {
  const forms = [
    { match: /^[\s\u0085]*::(.*?)::(.*)$/s.exec(line), separator: ',', data: '0D 0A 25', value: '0D 0A 3A 2C 25' },
    { match: /##\[(.*?)\](.*)$/s.exec(line), separator: ';', data: '3B 0D 0A 5D 25', value: '3B 0D 0A 5D 25' },
  ];
  for (const { match, separator, data, value } of forms) {
    const [, info = '', message = ''] = match ?? [];
    const [name = ''] = info.split(' ', 1);
    const command = name.toLowerCase();
    if (!known.has(command)) continue;
    const properties: Record<string, string> = {};
    for (const pair of info.slice(name.length).trim().split(separator)) {
      const [, key, text] = /^=*([^=]+)=+(.+)$/s.exec(pair) ?? [];
      if (key && text) properties[key] = unescape(text, value);
    }
    return { command, properties, message: unescape(message, data) };
  }
  return undefined;
}

/** Decodes the listed escapes only. The runner requires hex digits in upper case. */
function unescape(text: string, codes: string): string {
  return text.replace(/%([0-9A-F]{2})/g, (escape, hex: string) =>
    codes.includes(hex) ? String.fromCharCode(parseInt(hex, 16)) : escape,
  );
}

/** Reads `NAME=value` and `NAME<<DELIMITER`, whichever sign comes first, as EnvFileKeyValuePairs does. */
export function parsePairs(text: string, into: Record<string, string>): void {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (line === '') continue;
    const [, name, sign, rest = ''] = /^(.*?)(=|<<)(.*)$/s.exec(line) ?? [];
    if (!name) throw new Error(`Invalid format '${line}'`);
    if (sign === '=') {
      into[name] = rest;
      continue;
    }
    const end = lines.indexOf(rest);
    if (rest === '' || end < 0) throw new Error(`Invalid value. Matching delimiter not found '${rest}'`);
    into[name] = lines
      .splice(0, end + 1)
      .slice(0, -1)
      .join('\n');
  }
}

/** The log of one stage: every line is either executed as a command or shown (OutputManager.cs). */
export class StepOutput {
  readonly commands: Command[] = [];
  readonly outputs: Record<string, string> = {};
  readonly log: string[] = [];
  /** True if a command or file could not be processed, which fails the step whatever the exit code. */
  failed = false;
  readonly #masks: Set<string>;
  readonly #state: Record<string, string>;
  readonly #debug: boolean;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #known = new Set(COMMANDS.split(' '));
  #stopToken = '';

  /** `masks` and `state` belong to the job; this step adds to them. */
  constructor(masks: Set<string>, state: Record<string, string>, debug: boolean, onLine?: (line: string) => void) {
    this.#masks = masks;
    this.#state = state;
    this.#debug = debug;
    this.#onLine = onLine;
  }

  /** Masks the secrets that are known by now. A secret that was printed before its add-mask stays in the log. */
  mask(text: string): string {
    const longestFirst = [...this.#masks].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
  }

  show(line: string): void {
    const masked = this.mask(line);
    this.log.push(masked);
    this.#onLine?.(masked);
  }

  accept(line: string): void {
    const command = parseCommand(line, this.#known);
    if (this.#stopToken !== '') {
      if (command?.command === this.#stopToken) this.#stopToken = '';
      this.show(line);
    } else if (command) {
      this.commands.push(command);
      this.attempt(`command '${command.command}'`, () => {
        this.#execute(command, line);
      });
    } else {
      this.show(line.replace(/##\[(?=(?:start|end)-action)/g, '##[\\'));
    }
  }

  /** Runs `work`. An exception becomes an error in the log and fails the step. */
  attempt(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failed = true;
      this.show(`##[error]Unable to process ${what} successfully.`);
      this.show(`##[error]${(error as Error).message}`);
    }
  }

  #execute({ command, properties, message }: Command, line: string): void {
    switch (command) {
      case 'error':
      case 'warning':
      case 'notice':
        // ExecutionContext.cs limits the length of an issue.
        if (message !== '') this.show(`##[${command}]${this.mask(message).slice(0, 4096)}`);
        break;
      case 'group':
        this.show(`##[group]${message}`);
        break;
      case 'endgroup':
        this.show('##[endgroup]');
        break;
      case 'debug':
        if (this.#debug)
          message.split(/\r?\n/).forEach((text) => {
            this.show(`##[debug]${text}`);
          });
        break;
      case 'add-mask':
        if (message.trim() === '') this.show("##[warning]Can't add secret mask for empty string");
        else [message, ...message.split(/[\r\n]/).map((part) => part.trim())].forEach((part) => this.#masks.add(part));
        this.#masks.delete('');
        break;
      case 'set-output':
      case 'save-state':
        if (!properties.name) throw new Error(`Required field 'name' is missing in ##[${command}] command.`);
        (command === 'set-output' ? this.outputs : this.#state)[properties.name] = message;
        break;
      case 'set-env':
      case 'add-path':
        throw new Error(`The \`${command}\` command is disabled.`);
      case 'stop-commands':
        if (message === '' || this.#known.has(message.toLowerCase())) throw new Error('invalid stop-commands token');
        this.#stopToken = message.toLowerCase();
        this.#known.add(this.#stopToken);
        if (message.length > 6) this.#masks.add(message);
        this.show(line);
        break;
      default: // echo and the matchers have no effect here
    }
  }
}
