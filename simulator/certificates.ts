import { type SecureContext, createSecureContext } from 'node:tls';
import { generate } from 'selfsigned';

const COMMON = { keyType: 'ec', algorithm: 'sha256', notBeforeDate: new Date(Date.now() - 86_400_000) } as const;

/** An own certificate authority, and one certificate for every host name that is asked for. */
export class Certificates {
  readonly ca: string;
  readonly #key: string;
  readonly #contexts = new Map<string, Promise<SecureContext>>();

  static async create(): Promise<Certificates> {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'Simulator CA' }], {
      ...COMMON,
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    return new Certificates(cert, key);
  }

  private constructor(ca: string, key: string) {
    this.ca = ca;
    this.#key = key;
  }

  context(host: string): Promise<SecureContext> {
    const known = this.#contexts.get(host) ?? this.#make(host);
    this.#contexts.set(host, known);
    return known;
  }

  async #make(host: string): Promise<SecureContext> {
    const ca = { key: this.#key, cert: this.ca };
    const { private: key, cert } = await generate([{ name: 'commonName', value: host.slice(0, 64) }], {
      ...COMMON,
      ca,
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
    });
    return createSecureContext({ key, cert });
  }
}
