/** A command of Alibaba Cloud's CLI that a person can run. @param parameters - such as `--ImageId m-1` */
export const ecsCommand = (region: string, action: string, parameters: string): string =>
  `aliyun ecs ${action} --RegionId ${region} ${parameters}`;
