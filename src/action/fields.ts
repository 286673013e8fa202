import { getInput } from '@actions/core';
import { readList, unquote } from './hcl.ts';
import { templateIn } from './packer.ts';

/** What an input must look like, and how that is said. */
export interface Form {
  test: RegExp | ((value: string) => boolean);
  meaning: string;
  /** Taken out before the test and from the value. */
  strip?: RegExp;
}

/** Reads inputs one by one and collects what is wrong with them. */
export class Fields {
  readonly problems: string[] = [];
  readonly #templated = new Set<string>();

  /** The input as it is, trimmed; empty when it is not set, or when it is a template of Packer, which is a problem. */
  text(name: string): string {
    const value = getInput(name);
    const template = templateIn(value);
    if (template === undefined) return value;
    if (!this.#templated.has(name)) this.problems.push(`${name} ${template}.`);
    this.#templated.add(name);
    return '';
  }

  /** Whether the workflow sets an input that action.yml does not have: the runner passes it all the same. */
  isSet(undeclared: string): boolean {
    const variable = `INPUT_${undeclared.toUpperCase()}`;
    return variable in process.env && process.env[variable] !== '';
  }

  required(name: string, form?: Form): string {
    const value = this.text(name);
    if (value !== '') return this.formed(name, value, form);
    if (!this.#templated.has(name)) this.problems.push(`${name} is missing.`);
    return '';
  }

  optional(name: string, form: Form, fallback = ''): string | undefined {
    const value = this.text(name) || fallback;
    return value === '' ? undefined : this.formed(name, value, form);
  }

  /** Entries between commas or line ends, or a list of HCL or JSON; each must have the form. */
  list(name: string, form: Form, between: RegExp | string = /[,\n]/): string[] {
    const text = this.text(name);
    const plain = () => text.split(between).map((entry) => unquote(entry.trim()));
    const entries = (readList(text) ?? plain()).filter((entry) => entry !== '');
    return entries.map((entry) => this.formed(name, entry, form));
  }

  /** A value of the input, which must have the form. */
  formed(name: string, given: string, form?: Form): string {
    if (form === undefined) return given;
    const value = form.strip === undefined ? given : given.replace(form.strip, '');
    const fits = typeof form.test === 'function' ? form.test(value) : form.test.test(value);
    if (!fits) this.problems.push(`${name} "${given}" is not ${form.meaning}.`);
    return value;
  }

  oneOf(name: string, allowed: readonly string[]): string {
    return this.required(name) === '' ? '' : (this.optionalOneOf(name, allowed) ?? '');
  }

  optionalOneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const value = this.text(name);
    const found = allowed.find((one) => one.toLowerCase() === value.toLowerCase());
    if (value !== '' && found === undefined) {
      this.problems.push(`${name} "${value}" is not one of ${allowed.join(', ')}.`);
    }
    return found;
  }

  /** true or false in the spellings of YAML 1.2; empty means `normally`. */
  flag(name: string, normally: boolean): boolean {
    const value = this.text(name);
    if (/^(true|True|TRUE)$/.test(value)) return true;
    if (/^(false|False|FALSE)$/.test(value)) return false;
    if (value !== '') this.problems.push(`${name} "${value}" is neither true nor false.`);
    return normally;
  }

  wholeNumber(name: string, least: number, most: number, unit: string): number | undefined {
    const value = this.text(name);
    if (value === '') return undefined;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    this.problems.push(`${name} "${value}" is not a whole number of ${unit} from ${least} to ${most}.`);
    return undefined;
  }
}
