import { completeImportRole, IMPORT_POLICY, IMPORT_ROLE } from '../../ecs/role.ts';
import type { Undo } from './kind.ts';

/** A role is set up, not staged: a half-made one is completed. */
export const role: Undo<'role'> = {
  deadline: 200_000,
  async undo(_, { clients: { ram }, log }) {
    await completeImportRole(ram, log);
    return undefined;
  },
  byHand() {
    const names = `--PolicyName ${IMPORT_POLICY} --RoleName ${IMPORT_ROLE}`;
    return `The role ${IMPORT_ROLE} may lack its policy. Attach it: aliyun ram AttachPolicyToRole --PolicyType System ${names}`;
  },
};
