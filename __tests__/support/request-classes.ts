import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Simulator } from '../../simulator/index.ts';

type Field = 'string' | 'number' | 'boolean' | { type: 'array'; itemType: Field } | RequestClass;
interface RequestClass {
  names(): Record<string, string>;
  types(): Record<string, Field>;
}

/** The vendor's typed SDK of each service, installed for the tests only. */
const SDKS: Record<string, string> = {
  ecs: '@alicloud/ecs20140526',
  ram: '@alicloud/ram20150501',
  sts: '@alicloud/sts20150401',
};
/** Parameters of the RPC protocol itself: https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism */
const PROTOCOL = /^(Action|Version|Format|AccessKeyId|SecurityToken|Timestamp|Signature(Method|Version|Nonce|Type)?)$/;
/** GetCallerIdentity has no parameters, so the SDK has no class for it. */
const WITHOUT_PARAMETERS = ['sts:GetCallerIdentity'];
/** Also a common parameter: the vendor's Go SDK, which Packer uses, adds it to every call, including those of RAM. */
const COMMON = 'RegionId';

const require = createRequire(import.meta.url);

/** The class of a request, and the names of its required parameters. */
interface Described {
  type: RequestClass | undefined;
  required: string[];
}

const modelsOf = (sdk: string): string => join(dirname(require.resolve(sdk)), 'models');

/** The generator writes AssumeRoleWithOidcrequest.js for AssumeRoleWithOIDCRequest. */
const fileOf = (models: string, action: string): string | undefined =>
  readdirSync(models).find((name) => name.toLowerCase() === `${action}request.js`.toLowerCase());

/** Whether one of the SDKs has an operation of this name. */
export const isOperation = (action: string): boolean =>
  WITHOUT_PARAMETERS.some((one) => one.endsWith(`:${action}`)) ||
  Object.values(SDKS).some((sdk) => fileOf(modelsOf(sdk), action) !== undefined);

function describe(operation: string): Described {
  if (WITHOUT_PARAMETERS.includes(operation)) return { type: undefined, required: [] };
  const [service = '', action = ''] = operation.split(':');
  const models = modelsOf(SDKS[service] ?? service);
  const file = fileOf(models, action);
  if (file === undefined) throw new Error(`${SDKS[service] ?? service} has no request class for ${action}`);
  const type = (require(join(models, file)) as Record<string, RequestClass>)[`${action}Request`];
  if (type === undefined) throw new Error(`${file} has no class ${action}Request`);
  const declared = readFileSync(join(models, file.replace(/js$/, 'd.ts')), 'utf8');
  const comments = declared.slice(declared.indexOf(`class ${action}Request `)).matchAll(/\/\*\*(.*?)\*\/\s*(\w+)\?:/gs);
  const required = [...comments].filter(([, text]) => text?.includes('This parameter is required.'));
  return { type, required: required.map(([, , field = '']) => type.names()[field] ?? field) };
}

/** The type of a flat parameter such as `DiskDeviceMapping.1.Format`; undefined if the class does not have it. */
function fieldOf(type: RequestClass | undefined, [name, ...rest]: string[]): Field | undefined {
  const key = Object.entries(type?.names() ?? {}).find(([, sent]) => sent === name)?.[0];
  const field = key === undefined ? undefined : type?.types()[key];
  return field === undefined ? undefined : leaf(field, rest);
}

function leaf(field: Field, rest: string[]): Field | undefined {
  if (typeof field === 'function') return fieldOf(field, rest);
  if (typeof field === 'string') return rest.length === 0 ? field : undefined;
  if (typeof field !== 'object') return undefined;
  return 'itemType' in field && /^[1-9]\d*$/.test(rest[0] ?? '') ? leaf(field.itemType, rest.slice(1)) : undefined;
}

const FITS: Record<string, RegExp> = { string: /^/, number: /^\d+$/, boolean: /^(true|false)$/ };

/**
 * Compares the recorded RPC requests with the request classes of the vendor's SDKs: names, types, required parameters.
 * @returns the recorded operations, and one line for each violation
 */
export function compare(record: Simulator['record']): { requests: number; operations: string[]; violations: string[] } {
  // A dry run is the same operation.
  const calls = record
    .filter(({ params }) => params !== undefined)
    .map((call) => ({ ...call, operation: call.operation.replace(' DryRun', '') }));
  const classes = new Map([...new Set(calls.map(({ operation }) => operation))].map((one) => [one, describe(one)]));
  const violations = calls.flatMap(({ operation, params = {} }) => {
    const { type, required } = classes.get(operation) ?? describe(operation);
    const missing = required.filter((name) => !Object.keys(params).some((one) => one.split('.')[0] === name));
    const wrong = Object.entries(params).flatMap(([name, value]) => {
      if (PROTOCOL.test(name) || name === COMMON) return [];
      const field = fieldOf(type, name.split('.'));
      if (typeof field !== 'string') return [`${operation}: ${name} is unknown`];
      return FITS[field]?.test(value) ? [] : [`${operation}: ${name}=${value} is not a ${field}`];
    });
    return [...missing.map((name) => `${operation}: ${name} is missing`), ...wrong];
  });
  return { requests: calls.length, operations: [...classes.keys()].sort(), violations: [...new Set(violations)] };
}
