/** Options that Packer's builder or post-processor accepts, and why they have no effect here. */
const WITHOUT_EFFECT: Record<string, string> = {
  skip_region_validation: 'this action does not compare region with a list',
  skip_image_validation: 'an import has no source image',
  image_unshare_account: 'a new image is shared only with the accounts in image_share_account',
  image_version: 'imported images have no version in ECS; put it into image_name or tags',
  image_ignore_data_disks: 'the image has only the disks in path and data_disk_paths',
  image_force_delete_instances: 'this action never deletes instances',
};

/** One warning for each of these options that is set. */
export function ignoredOptions(isSet: (name: string) => boolean): string[] {
  const set = Object.entries(WITHOUT_EFFECT).filter(([name]) => isSet(name));
  return set.map(([name, reason]) => `${name} has no effect: ${reason}.`);
}

const TEMPLATE = /\{\{[^{}]*\}\}|[$%]\{[^{}]*\}/;
/** Nothing but a reference. `local.raw` is the name of a file. */
const REFERENCE = /^(?:var|local)\.(?!(?:raw|vhd|qcow2|img)$)[a-z_][\w-]*$/i;
/** Nothing but a call without arguments, or with a string, list, map or reference. `app(1)` may be a name. */
const CALL = /^[a-z]\w*\((?:.*(?:["[{]|\b(?:var|local)\.).*)?\)$/s;

/** Expression of Packer -> what to write in a workflow. */
const REPLACEMENTS: [RegExp, string][] = [
  [/timestamp|uuid/, '${{ github.run_id }}, which is the same in a re-run, so that the re-run can continue the import'],
  [/isotime|formatdate/, '${{ steps.<id>.outputs.<name> }} of a step that runs date'],
  [/\buser\b|\bvar\.|\blocal\./, '${{ vars.<name> }}, ${{ inputs.<name> }} or, for a secret, ${{ secrets.<name> }}'],
  [/\benv\b/, '${{ env.<name> }}'],
  [/\bbuild|\bsource\./i, '${{ steps.<id>.outputs.<name> }} of the step that runs Packer'],
  [/./, 'the value, or an expression of GitHub Actions, ${{ <expression> }}'],
];

/** What is wrong with a value that holds a Packer expression; undefined if it holds none. */
export function expressionIn(value: string): string | undefined {
  const [found] = TEMPLATE.exec(value) ?? REFERENCE.exec(value) ?? CALL.exec(value) ?? [];
  if (found === undefined) return undefined;
  const replacement = REPLACEMENTS.find(([pattern]) => pattern.test(found))?.[1];
  return `contains the Packer expression ${found}, which this action does not evaluate. Write ${replacement ?? ''}`;
}
