import { getInput } from '@actions/core';
import { literal, readList } from './hcl.ts';
import { expressionIn } from './packer.ts';

/** What an input must look like, and how an error describes it. */
export interface Form {
  test: RegExp | ((value: string) => boolean);
  meaning: string;
  /** Removed before the test, and from the value. */
  strip?: RegExp;
}

/** Reads inputs one by one and collects what is wrong with them. */
export class Fields {
  readonly problems: string[] = [];
  readonly #refused = new Set<string>();

  /** The input, trimmed and without the quotation marks of HCL. Empty if it is not set or holds a Packer expression. */
  text(name: string): string {
    return this.value(name, getInput(name)).trim();
  }

  /** The text of a value as it is written in the input. Empty, with a problem, if it holds a Packer expression. */
  value(name: string, written: string): string {
    const expression = expressionIn(written);
    if (expression === undefined) return literal(written);
    if (!this.#refused.has(name)) this.problems.push(`${name} ${expression}.`);
    this.#refused.add(name);
    return '';
  }

  /** Whether the workflow sets an input that is not in action.yml; the runner passes it with a warning. */
  isSet(undeclared: string): boolean {
    const variable = `INPUT_${undeclared.toUpperCase()}`;
    return variable in process.env && process.env[variable] !== '';
  }

  required(name: string, form?: Form): string {
    const value = this.text(name);
    if (value !== '') return form === undefined ? value : this.formed(name, value, form);
    if (!this.#refused.has(name)) this.problems.push(`${name} is missing.`);
    return '';
  }

  optional(name: string, form: Form): string | undefined {
    const value = this.text(name);
    return value === '' ? undefined : this.formed(name, value, form);
  }

  /** Entries separated by commas or line ends, or a list of HCL or JSON. Each must have the form. */
  list(name: string, form: Form, separator: RegExp | string = /[,\n]/): string[] {
    const text = this.text(name);
    const entries = readList(text) ?? text.split(separator);
    const values = entries.map((entry) => this.value(name, entry.trim())).filter((value) => value !== '');
    return values.map((value) => this.formed(name, value, form));
  }

  /** Adds a problem if the value, of the input `name`, does not have the form. */
  formed(name: string, given: string, form: Form): string {
    const value = form.strip === undefined ? given : given.replace(form.strip, '');
    const fits = typeof form.test === 'function' ? form.test(value) : form.test.test(value);
    // A URL can hold a password.
    const shown = given.replace(/\/\/[^/]*@/, '//***@');
    if (!fits) this.problems.push(`${name} "${shown}" is not ${form.meaning}.`);
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

  /** true or false as YAML 1.2 spells them. */
  flag(name: string, fallback: boolean): boolean {
    const value = this.text(name);
    if (/^(true|True|TRUE)$/.test(value)) return true;
    if (/^(false|False|FALSE)$/.test(value)) return false;
    if (value !== '') this.problems.push(`${name} "${value}" is neither true nor false.`);
    return fallback;
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
