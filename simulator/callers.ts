import type { Account, Role, Session, Statement, User } from './entities.ts';
import type { World } from './world.ts';

/** Who signed a request. */
export interface Caller {
  account: Account;
  type: 'RAMUser' | 'AssumedRoleUser';
  arn: string;
  principalId: string;
  /** User id or role id. */
  id: string;
  /** Each list on its own has to allow what is done. */
  statements: Statement[][];
}
export interface Key {
  secret: string;
  caller: Caller;
  disabled: boolean;
  session?: Session;
}

export function findKey(world: World, accessKeyId: string): Key | undefined {
  for (const account of world.accounts) {
    const user = account.users.find((one) => one.accessKeyId === accessKeyId);
    if (user) return { secret: user.secret, disabled: user.disabled === true, caller: asUser(account, user) };
  }
  const session = world.sessions.find((one) => one.accessKeyId === accessKeyId);
  return session && { secret: session.secret, disabled: false, session, caller: asSession(world, session) };
}

function asUser(account: Account, user: User): Caller {
  const arn = `acs:ram::${account.id}:user/${user.name}`;
  return { account, type: 'RAMUser', arn, principalId: user.id, id: user.id, statements: [user.statements] };
}

function asSession(world: World, session: Session): Caller {
  const { account, role, name } = session;
  const arn = `acs:ram::${account.id}:assumed-role/${role.name}/${name}`;
  const statements = [roleStatements(world, account, role), ...(session.statements ? [session.statements] : [])];
  return { account, type: 'AssumedRoleUser', arn, principalId: `${role.id}:${name}`, id: role.id, statements };
}

/** What the attached policies allow; only those attached by that time count when one is given. */
export function roleStatements(world: World, account: Account, role: Role, attachedBy = Infinity): Statement[] {
  return role.policies
    .filter(({ at }) => at <= attachedBy)
    .flatMap(({ name }) => world.policy(account, name)?.statements ?? []);
}

/** Whether a text fits one of these patterns, in which `*` and `?` stand for any characters. */
export function matches(patterns: string | string[], text: string, ignoreCase = false): boolean {
  return [patterns].flat().some((pattern) => {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${source}$`, ignoreCase ? 'is' : 's').test(text);
  });
}

/** Deny wins, then Allow: https://www.alibabacloud.com/help/en/ram/user-guide/policy-evaluation-process */
export function decide(statements: Statement[], action: string, resource: string): 'Allow' | 'Deny' | undefined {
  const fitting = statements.filter((one) => matches(one.Action, action, true) && matches(one.Resource, resource));
  if (fitting.some(({ Effect }) => Effect === 'Deny')) return 'Deny';
  return fitting.length > 0 ? 'Allow' : undefined;
}

export function isAllowed(lists: Statement[][], action: string, resource: string): boolean {
  return lists.every((list) => decide(list, action, resource) === 'Allow');
}
