import type { Advice } from './entry.ts';

/** The import into ECS, and the image. */
export const IMPORT: Advice[] = [
  {
    codes: ['NoSetRoletoECSServiceAcount', 'NoSetRoletoECSServiceAccount'],
    cause: 'The role with which ECS reads the bucket is missing and could not be made, or has not propagated yet.',
    fix: 'Check import_role_name if it is set. The default role can be made by an administrator with one click: https://ram.console.aliyun.com/role/authorization?request=%7B%22Services%22%3A%5B%7B%22Service%22%3A%22ECS%22%2C%22Roles%22%3A%5B%7B%22RoleName%22%3A%22AliyunECSImageImportDefaultRole%22%2C%22TemplateId%22%3A%22ImportImage%22%7D%5D%7D%5D%7D',
  },
  {
    codes: ['InvalidOSS.NotAuthorized'],
    cause: 'The import role has no permission to read the bucket, or a bucket policy forbids it.',
    fix: 'Attach the policy AliyunECSImageImportRolePolicy to the role (oss:GetObject, oss:GetBucketInfo, oss:GetBucketLocation).',
  },
  {
    codes: ['RoleHasOwnPolicy'],
    cause:
      'The import role has a policy that you wrote, which was not changed, and that policy does not let ECS read the object.',
    fix: 'Add the statement in this message to that policy.',
  },
  {
    codes: ['RoleTrustsNotEcs'],
    cause:
      'The import role exists, but its trust policy does not let ECS assume it. You wrote that policy, so it was not changed.',
    fix: 'Add the statement in this message to its trust policy.',
  },
  { codes: ['EntityNotExist.Role'], cause: 'The RAM role does not exist.', fix: 'Check import_role_name.' },
  {
    codes: ['InvalidImageName.Duplicated'],
    cause: 'An image in this account and region already has this name.',
    fix: 'Set image_force_delete: true to replace it, or choose another image_name.',
  },
  { codes: ['InvalidImageName.Malformed'], cause: 'ECS does not take the name.', fix: 'Choose another image_name.' },
  {
    codes: ['ImageIsImporting'],
    cause: 'An import of this image is under way.',
    fix: 'Wait for it, or cancel it under ECS > Tasks.',
  },
  {
    codes: ['QuotaExceed.Image', 'QuotaExceed.Snapshot'],
    cause: 'The account has reached its limit of images or snapshots in this region.',
    fix: 'Delete images, or ask for more in the Quota Center.',
  },
  {
    codes: ['InvalidBootMode.Malformed', 'InvalidBootMode.NotSupport'],
    cause: 'ECS does not take this boot mode for the image.',
    fix: 'arm64 images boot by UEFI only.',
  },
  {
    codes: [
      'InvalidArchitecture.PlatformUnsupported',
      'InvalidArchitecture.Malformed',
      'InvalidPlatform.Malformed',
      'InvalidOSType.Malformed',
    ],
    cause: 'Operating system, platform and architecture do not fit together.',
    fix: 'Check image_os_type, image_platform and image_architecture.',
  },
  {
    codes: ['InvalidDescription.Malformed'],
    cause: 'ECS does not take the description.',
    fix: 'Change image_description.',
  },
  {
    codes: ['InvalidLicenseType.NotSupported', 'InvalidLicenseType.BYOLOnly'],
    cause: 'This license type does not fit the operating system or platform.',
    fix: 'Check image_os_type and image_platform.',
  },
  {
    codes: ['InvalidRegionId.NotFound', 'InvalidRegion.NotSupport', 'RegionId.NotFound'],
    cause: 'The region does not exist or cannot import images.',
    fix: 'Check region.',
  },
  { codes: ['TagKey.Duplication'], cause: 'Two tags have the same key.', fix: 'Check tags.' },
  {
    codes: ['ShareIncomplete'],
    cause: 'The image is ready, but ECS does not list every account that it was shared with.',
    fix: 'Check the ids in image_share_account, and share the image with the missing accounts in the console.',
  },
  {
    codes: ['SwapUnsettled'],
    cause: 'Something else changed the names of the old or the new image at the same time.',
    fix: 'See which image holds the name in the ECS console, then run again with image_force_delete: true.',
  },
  {
    codes: ['WaitTimedOut'],
    cause: 'The image was not ready in time. The import continues, and image, task and object stay.',
    fix: 'Re-run the job: it resumes the same import. Raise timeout_minutes for next time.',
  },
  {
    codes: ['ImportCancelled'],
    cause: 'Somebody cancelled the import task in ECS.',
    fix: 'Run again, and make sure that nobody else works on the image.',
  },
  {
    codes: ['CancelPending'],
    cause: 'ECS has not stopped the import task yet.',
    fix: 'See ECS > Tasks; when the task has ended, remove what this message names.',
  },
];
