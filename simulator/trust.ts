import { matches } from './callers.ts';
import type { Role } from './entities.ts';

interface Trust {
  Effect: string;
  Action: string | string[];
  Principal: Record<string, string | string[]>;
  Condition?: Record<string, Record<string, string | string[]>>;
}

export function parseTrust(text: string): Trust[] {
  return [(JSON.parse(text) as { Statement: Trust | Trust[] }).Statement].flat();
}

/** Whether a trust policy lets one of these principals assume the role, with these facts of its token. */
export function trusts(role: Role, principal: Record<string, string>, facts: Record<string, string> = {}): boolean {
  const fitting = parseTrust(role.trust).filter(
    (one) =>
      [one.Action].flat().some((action) => ['sts:AssumeRole', 'sts:*', '*'].includes(action)) &&
      Object.entries(principal).some(([kind, id]) => [one.Principal[kind] ?? []].flat().includes(id)) &&
      Object.entries(one.Condition ?? {}).every(([operator, wanted]) => holds(operator, wanted, facts)),
  );
  return fitting.some(({ Effect }) => Effect === 'Allow') && !fitting.some(({ Effect }) => Effect === 'Deny');
}

/** https://www.alibabacloud.com/help/en/ram/user-guide/policy-elements#section-condition: the two that OIDC trust uses. */
function holds(operator: string, wanted: Record<string, string | string[]>, facts: Record<string, string>): boolean {
  return Object.entries(wanted).every(([name, values]) => {
    const fact = facts[name];
    if (fact === undefined) return false;
    if (operator === 'StringEquals') return [values].flat().includes(fact);
    return operator === 'StringLike' && matches(values, fact);
  });
}
