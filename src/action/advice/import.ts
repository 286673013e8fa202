import type { Advice } from './entry.ts';

/** The import into ECS, and the image. */
export const IMPORT: Advice[] = [
  {
    codes: ['NoSetRoletoECSServiceAcount', 'NoSetRoletoECSServiceAccount'],
    cause: 'The role with which ECS reads the bucket is missing and could not be created, or has not propagated yet.',
    fix: 'Check import_role_name if it is set. An administrator can create the default role with one click: https://ram.console.aliyun.com/role/authorization?request=%7B%22Services%22%3A%5B%7B%22Service%22%3A%22ECS%22%2C%22Roles%22%3A%5B%7B%22RoleName%22%3A%22AliyunECSImageImportDefaultRole%22%2C%22TemplateId%22%3A%22ImportImage%22%7D%5D%7D%5D%7D',
  },
  {
    codes: ['InvalidOSS.NotAuthorized'],
    cause: 'The import role has no permission to read the bucket, or a bucket policy forbids it.',
    fix: 'Attach the policy AliyunECSImageImportRolePolicy to the role (oss:GetObject, oss:GetBucketInfo, oss:GetBucketLocation).',
  },
  {
    codes: ['RoleHasOwnPolicy'],
    cause:
      'The import role has a policy of its own, which the action does not change. That policy does not let ECS read the object.',
    fix: 'Add the statement in this message to that policy.',
  },
  {
    codes: ['RoleTrustsNotEcs'],
    cause:
      'The import role exists, but its trust policy does not let ECS assume it. The action does not change that policy.',
    fix: 'Add the statement in this message to its trust policy.',
  },
  {
    codes: ['EntityNotExist.Role'],
    cause: 'The RAM role does not exist.',
    fix: 'Check import_role_name, or ram_role_arn if the call is sts:AssumeRole.',
  },
  {
    codes: ['InvalidImageName.Duplicated'],
    cause: 'An image in this account and region already has this name.',
    fix: 'Set image_force_delete: true to replace it, or choose another image_name.',
  },
  { codes: ['InvalidImageName.Malformed'], cause: 'ECS does not accept the name.', fix: 'Choose another image_name.' },
  {
    codes: ['ImageIsImporting'],
    cause: 'An import of this image is already in progress.',
    fix: 'Wait for it, or cancel it under ECS > Tasks.',
  },
  {
    codes: ['QuotaExceed.Image', 'QuotaExceed.Snapshot'],
    cause: 'The account has reached its limit of images or snapshots in this region.',
    fix: 'Delete images, or request a higher quota in the Quota Center.',
  },
  {
    codes: ['InvalidBootMode.Malformed', 'InvalidBootMode.NotSupport'],
    cause: 'ECS does not accept this boot mode for the image.',
    fix: 'Change boot_mode or leave it empty. arm64 images boot only with UEFI.',
  },
  {
    codes: [
      'InvalidArchitecture.PlatformUnsupported',
      'InvalidArchitecture.Malformed',
      'InvalidPlatform.Malformed',
      'InvalidOSType.Malformed',
    ],
    cause: 'The combination of operating system, platform and architecture is not valid.',
    fix: 'Check image_os_type, image_platform and image_architecture.',
  },
  {
    codes: ['InvalidDescription.Malformed'],
    cause: 'ECS does not accept the description.',
    fix: 'Change image_description.',
  },
  {
    codes: ['InvalidLicenseType.NotSupported', 'InvalidLicenseType.BYOLOnly'],
    cause: 'This license type is not valid for the operating system or platform.',
    fix: 'Check license_type, image_os_type and image_platform.',
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
    fix: 'Check the IDs in image_share_account, and share the image with the missing accounts in the console.',
  },
  {
    codes: ['SwapUnsettled'],
    cause: 'Something else changed the names of the old or the new image at the same time.',
    fix: 'Look up in the ECS console which image has the name, then run again with image_force_delete: true.',
  },
  {
    codes: ['WaitTimedOut'],
    cause: 'The import or copy continues in ECS, which still needs the staged object.',
    fix: 'Re-run the job: it waits for the same image and then deletes the object. Without a re-run, delete the object when the import has ended. Set a larger timeout_minutes for the next run.',
  },
  {
    codes: ['ImageGone'],
    cause: 'The new image was deleted by someone else.',
    fix: 'Run again, and make sure that nothing else changes images of this name.',
  },
  {
    codes: ['ImageCreateFailed'],
    cause: 'ECS could not create the image and gives no reason.',
    fix: 'Run again. If it fails again, open a support ticket with the IDs in this message.',
  },
  {
    codes: ['ImportCancelled'],
    cause: 'Someone else cancelled the import task in ECS.',
    fix: 'Run again, and make sure that nobody else changes the image.',
  },
  {
    codes: ['CancelPending'],
    cause: 'ECS has not stopped the import task yet.',
    fix: 'Check ECS > Tasks. When the task has ended, remove what this message names.',
  },
];
