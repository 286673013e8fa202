import type { Account, Role, Statement } from './entities.ts';
import type { World } from './world.ts';

interface TrustStatement {
  Effect: string;
  Action: string | string[];
  Principal: Record<string, string | string[]>;
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** Whether a text matches one of these patterns, in which `*` and `?` are wildcards. */
function matches(patterns: string | string[], text: string, ignoreCase = false): boolean {
  return [patterns].flat().some((pattern) => {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${source}$`, ignoreCase ? 'is' : 's').test(text);
  });
}

/** Deny wins over Allow: https://www.alibabacloud.com/help/en/ram/user-guide/policy-evaluation-process */
export function decide(statements: Statement[], action: string, resource: string): 'Allow' | 'Deny' | undefined {
  const matching = statements.filter((one) => matches(one.Action, action, true) && matches(one.Resource, resource));
  if (matching.some(({ Effect }) => Effect === 'Deny')) return 'Deny';
  return matching.length > 0 ? 'Allow' : undefined;
}

/** Every list of statements must allow the action. */
export function isAllowed(lists: Statement[][], action: string, resource: string): boolean {
  return lists.every((list) => decide(list, action, resource) === 'Allow');
}

/** The statements of the policies that were attached to the role by the time `attachedBy`. */
export function roleStatements(world: World, account: Account, role: Role, attachedBy = Infinity): Statement[] {
  return role.policies
    .filter(({ at }) => at <= attachedBy)
    .flatMap(({ name }) => world.policy(account, name)?.statements ?? []);
}

export function parseTrust(text: string): TrustStatement[] {
  return [(JSON.parse(text) as { Statement: TrustStatement | TrustStatement[] }).Statement].flat();
}

/** Whether the trust policy of the role lets one of these principals assume it; `facts` are the condition keys. */
export function trusts(role: Role, principal: Record<string, string>, facts: Record<string, string> = {}): boolean {
  const matching = parseTrust(role.trust).filter(
    (one) =>
      [one.Action].flat().some((action) => ['sts:AssumeRole', 'sts:*', '*'].includes(action)) &&
      Object.entries(principal).some(([kind, id]) => [one.Principal[kind] ?? []].flat().includes(id)) &&
      Object.entries(one.Condition ?? {}).every(([operator, wanted]) => holds(operator, wanted, facts)),
  );
  return matching.some(({ Effect }) => Effect === 'Allow') && !matching.some(({ Effect }) => Effect === 'Deny');
}

/** The two operators of https://www.alibabacloud.com/help/en/ram/user-guide/policy-elements#section-condition in use. */
function holds(operator: string, wanted: Record<string, string | string[]>, facts: Record<string, string>): boolean {
  return Object.entries(wanted).every(([name, values]) => {
    const fact = facts[name];
    if (fact === undefined) return false;
    if (operator === 'StringEquals') return [values].flat().includes(fact);
    return operator === 'StringLike' && matches(values, fact);
  });
}
