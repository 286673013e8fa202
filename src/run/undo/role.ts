import { completeImportRole, IMPORT_POLICY, IMPORT_ROLE } from '../../ecs/role.ts';
import type { Undo } from './kind.ts';

/** A role is never removed: one that was created without its policy gets it now. */
export const role: Undo<'role'> = {
  deadline: 200_000,
  async undo(_, { clients: { ram }, log }) {
    await completeImportRole(ram, log);
  },
  byHand() {
    const names = `--PolicyName ${IMPORT_POLICY} --RoleName ${IMPORT_ROLE}`;
    return `The role ${IMPORT_ROLE} may lack its policy. Attach it: aliyun ram AttachPolicyToRole --PolicyType System ${names}`;
  },
};
