/** Simulated time: runs `speed` times as fast as the wall clock, from a common origin. */
export class Clock {
  readonly origin: number;
  readonly speed: number;

  constructor(origin: number, speed: number) {
    this.origin = origin;
    this.speed = speed;
  }

  now(): number {
    return Math.floor(this.origin + (Date.now() - this.origin) * this.speed);
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds / this.speed).unref());
  }
}

export function iso(time: number): string {
  return new Date(time).toISOString();
}

/** ECS, RAM and STS print times without fractions. */
export function isoSeconds(time: number): string {
  return iso(time).replace(/\.\d+Z$/, 'Z');
}
