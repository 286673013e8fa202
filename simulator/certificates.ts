import { type SecureContext, createSecureContext } from 'node:tls';
import { generate } from 'selfsigned';

const COMMON = { keyType: 'ec', algorithm: 'sha256', notBeforeDate: new Date(Date.now() - 86_400_000) } as const;

export type Certificates = Awaited<ReturnType<typeof make>>;
let made: Promise<Certificates> | undefined;

/** One authority for the process, because generating keys and certificates is slow. */
export const makeCertificates = (): Promise<Certificates> => (made ??= make());

/** A certificate authority, and a certificate for every host name on demand. */
async function make() {
  const constraints = { name: 'basicConstraints', cA: true, critical: true } as const;
  const usage = { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true } as const;
  const options = { ...COMMON, extensions: [constraints, usage] };
  const { private: key, cert: ca } = await generate([{ name: 'commonName', value: 'Simulator CA' }], options);
  const issue = async (host: string) => {
    const extensions = [{ name: 'subjectAltName' as const, altNames: [{ type: 2 as const, value: host }] }];
    const name = [{ name: 'commonName', value: host.slice(0, 64) }];
    const leaf = await generate(name, { ...COMMON, ca: { key, cert: ca }, extensions });
    return createSecureContext({ key: leaf.private, cert: leaf.cert });
  };
  const contexts = new Map<string, Promise<SecureContext>>();
  const context = (host: string) => {
    const known = contexts.get(host) ?? issue(host);
    contexts.set(host, known);
    return known;
  };
  return { ca, context };
}
