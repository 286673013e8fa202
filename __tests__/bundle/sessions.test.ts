import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StageResult } from '../../runner/job.ts';
import { identities } from '../support/identities.ts';
import { openCrowd, type Crowd } from '../support/people.ts';
import { pseudoRandom, writeDisk } from '../support/scene.ts';

/** In seconds: a session so short that it is renewed every minute, and more than three of them. */
const SESSION = 180;
const LONG = 600;
const MIB = 1024 ** 2;
const RENEWED = ['oidc', 'role with instance', 'profile RamRoleArn', 'instance'];

let imports: Crowd;
let uploads: Crowd;
const ended = new Map<string, StageResult>();
let uploaded: StageResult;

beforeAll(async () => {
  const cloud = { speed: 60, sessionSeconds: SESSION };
  [imports, uploads] = await Promise.all([
    openCrowd({ ...cloud, importSeconds: LONG }),
    openCrowd({ ...cloud, write: (path) => writeDisk(path, 48 * MIB, [[0, pseudoRandom(48 * MIB, 7)]]) }),
  ]);
  imports.session.expires = imports.simulator.now() + 300_000;
  const stopTaking = takeOnePart(uploads, 60);
  const jobs = identities(imports).filter(({ name }) => [...RENEWED, 'session'].includes(name));
  const [upload] = await Promise.all([
    uploads.job().main({ ram_role_arn: uploads.roleArn, oidc_provider_arn: uploads.providerArn }),
    ...jobs.map(async ({ name, inputs, env }, n) => {
      ended.set(name, await imports.job(env).main({ ...inputs, image_name: `long-${n}` }));
    }),
  ]);
  stopTaking();
  uploaded = upload;
}, 120_000);
afterAll(() => Promise.all([imports.close(), uploads.close()]));

/** A busy service: it accepts one part every so many simulated seconds, and after three sessions all of them. */
function takeOnePart({ simulator }: Crowd, seconds: number): () => void {
  const { clock } = simulator.world;
  const begun = clock.now();
  const open = () => {
    simulator.faults.length = 0;
    if (clock.now() - begun > LONG * 1000) return;
    simulator.faults.push({
      operation: 'oss:UploadPart',
      kind: 'status-503',
      retryAfter: seconds,
      nth: 2,
      times: Infinity,
    });
  };
  open();
  const timer = setInterval(open, (seconds * 1000) / clock.speed);
  return () => {
    clearInterval(timer);
  };
}

/** Calls that a service refused; on a busy machine, calls can also time out. */
const refused = ({ simulator }: Crowd) =>
  simulator.record
    .filter(({ status, fault }) => fault === undefined && status >= 400)
    .map(({ operation, code, caller }) => `${operation} ${code ?? ''} ${caller?.split('/').at(-1) ?? ''}`.trim());
/** Requests that only look for a resource. */
const looking = (text: string) => text.includes(' NoSuch') || text.includes(' DryRun ');

test.each(RENEWED)('%s: an import outlives three sessions without a failed call', (name) => {
  const { simulator } = imports;
  const main = ended.get(name);
  expect(main?.log).not.toMatch(/##\[(error|warning)\]|could not be renewed/);
  expect(main?.conclusion).toBe('success');
  const [first, last] = [simulator.record[0]?.at ?? 0, simulator.record.at(-1)?.at ?? 0];
  expect(last - first).toBeGreaterThan(3 * SESSION * 1000);
});

test('only the token that cannot be renewed was refused', () => {
  const all = refused(imports).filter((text) => !looking(text));
  expect(all.filter((text) => !/TokenExpired|SecurityToken\.Expired/.test(text))).toEqual([]);
});

test('each session is requested with a new token, before the previous session ends', () => {
  const { record } = imports.simulator;
  const asked = record.filter(({ operation }) => operation === 'sts:AssumeRoleWithOIDC');
  expect(asked.length).toBeGreaterThanOrEqual(4);
  expect(new Set(asked.map(({ params }) => params?.OIDCToken)).size).toBe(asked.length);
  const gaps = asked.slice(1).map(({ at }, n) => (at - (asked[n]?.at ?? 0)) / 1000);
  for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(59);
  for (const gap of gaps) expect(gap).toBeLessThan(SESSION);
});

test('an upload outlives three sessions, and no token is refused', () => {
  const { record, world } = uploads.simulator;
  expect(uploaded.log).not.toContain('##[error]');
  expect(uploaded.conclusion).toBe('success');
  const parts = record.filter(({ operation, status }) => operation === 'oss:UploadPart' && status === 200);
  expect((parts.at(-1)?.at ?? 0) - (parts[0]?.at ?? 0)).toBeGreaterThan(3 * SESSION * 1000);
  expect(new Set(parts.map(({ headers }) => headers['x-oss-security-token'])).size).toBeGreaterThan(3);
  expect(refused(uploads).filter((text) => !looking(text))).toEqual([]);
  expect(world.images.map(({ status }) => status)).toEqual(['Available']);
});

test('a token that cannot be renewed: a warning before the upload, and the cause when it expires', () => {
  const log = ended.get('session')?.log ?? '';
  expect(ended.get('session')?.conclusion).toBe('failure');
  const [warning, upload, error] = ['##[warning]A security token expires', '##[group]Upload', '##[error]'].map((text) =>
    log.indexOf(text),
  );
  expect(warning).toBeGreaterThan(0);
  expect(upload).toBeGreaterThan(warning ?? 0);
  expect(error).toBeGreaterThan(upload ?? 0);
  expect(log.match(/##\[error\]/g)).toHaveLength(1);
  const said = log.slice(error);
  expect(said).toMatch(
    /(InvalidSecurityToken\.Expired|SecurityTokenExpired).*credentials from access_key and secret_key/,
  );
  expect(said).toContain('have expired');
  expect(said).toContain('oidc_provider_arn');
  const last = imports.simulator.record.findLast(({ code = '' }) => code.includes('Expired'));
  expect((last?.at ?? Infinity) - imports.session.expires).toBeLessThan(60_000);
});
