/** What is measured, and the bounds. Sizes are in bytes, times in seconds unless noted, rates in bytes per second. */
import { type Line, UNCAPPED } from './flow.ts';
import type { ImageSettings } from './image.ts';

/** A client to compare with. Goals are upper bounds for our figure divided by its figure. */
export interface Rival {
  /** How `bench/baseline.ts` uploads. */
  baseline: 'put' | 'default' | 'tuned';
  wall?: number;
  cpu?: number;
  /** Sends only this many bytes and scales wall and CPU up: a single PUT of 4 GiB would take 18 minutes. */
  prefix?: number;
}

export interface Scenario {
  name: string;
  title: string;
  image: ImageSettings;
  /** Loopback if absent. */
  line?: Line;
  /** Time of the server for each request, ms. */
  serverMs: number;
  rivals: Rival[];
  /** Absolute bounds for our client. */
  firm: {
    /** Wall time divided by (bytes to send / link + 10 round trips). */
    ofIdeal?: number;
    /** All bytes over TCP divided by the bytes in units of 128 KiB that are not zero. */
    wire?: number;
    /** Seconds from the start of the process to the first byte of content. */
    firstByte?: number;
  };
}

/** Absolute bounds for our client in every scenario: peak memory in MiB and the longest event-loop delay in ms. */
export const RSS = 200;
export const STALL = 100;

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const FAR: Line = { rtt: 200, perConnection: 4e6, link: 50e6, loss: 0, seed: 1 };
const LOSSY: Line = { rtt: 200, perConnection: UNCAPPED, link: UNCAPPED, loss: 0.01, seed: 1 };
const IMAGE: ImageSettings = { size: 4 * GIB, share: 0.13, seed: 4 };
const random = (size: number): ImageSettings => ({ size, share: 1, seed: 7 });

export const SCENARIOS: Scenario[] = [
  {
    name: 'thin',
    title: '42 MB random file, RTT 100 ms, 500 kB/s for all connections together',
    image: random(40 * MIB),
    line: { rtt: 100, perConnection: UNCAPPED, link: 500e3, loss: 0, seed: 1 },
    serverMs: 0,
    rivals: [],
    firm: { ofIdeal: 1.1, wire: 1.02 },
  },
  {
    name: 'thinner',
    title: '21 MB random file, RTT 300 ms, 150 kB/s for all connections together',
    image: random(20 * MIB),
    line: { rtt: 300, perConnection: UNCAPPED, link: 150e3, loss: 0, seed: 1 },
    serverMs: 0,
    rivals: [],
    firm: { ofIdeal: 1.1, wire: 1.02 },
  },
  {
    name: 'drop',
    title: '268 MB random file, RTT 100 ms, 20 MB/s for all connections together, 300 kB/s from second 5 to 35',
    image: random(256 * MIB),
    line: {
      rtt: 100,
      perConnection: UNCAPPED,
      link: 20e6,
      drop: { from: 5_000, until: 35_000, link: 300e3 },
      loss: 0,
      seed: 1,
    },
    serverMs: 0,
    rivals: [],
    firm: { ofIdeal: 1.15, wire: 1.02 },
  },
  {
    name: 'far-image',
    title: '4 GiB image with 13 % data, RTT 200 ms, 4 MB/s per connection, 50 MB/s link',
    image: IMAGE,
    line: FAR,
    serverMs: 20,
    rivals: [
      { baseline: 'tuned', wall: 0.16 },
      { baseline: 'default', wall: 0.034, prefix: 512 * MIB },
      { baseline: 'put', wall: 0.013, prefix: 256 * MIB },
    ],
    firm: { ofIdeal: 1.08 },
  },
  {
    name: 'far-random',
    title: '268 MB random file, the same network',
    image: random(256 * MIB),
    line: FAR,
    serverMs: 0,
    rivals: [
      { baseline: 'put', wall: 0.11 },
      { baseline: 'default', wall: 0.26 },
    ],
    firm: { ofIdeal: 1.03 },
  },
  {
    name: 'lossy',
    title: '67 MB random file, RTT 200 ms, 1 % loss, no caps',
    image: random(64 * MIB),
    line: LOSSY,
    serverMs: 0,
    rivals: [{ baseline: 'put', wall: 1 / 50, prefix: 8 * MIB }],
    firm: {},
  },
  {
    name: 'near-image',
    title: '4 GiB image with 13 % data, loopback',
    image: IMAGE,
    serverMs: 0,
    rivals: [{ baseline: 'default', wall: 0.115, cpu: 0.115 }, { baseline: 'put' }],
    firm: {},
  },
  {
    name: 'near-random',
    title: '1 GiB random file, loopback',
    image: random(GIB),
    serverMs: 0,
    rivals: [{ baseline: 'default', wall: 1, cpu: 0.6 }, { baseline: 'put' }],
    firm: {},
  },
  {
    name: 'near-allocated',
    title: '4 GiB image with 13 % data whose holes are written zeros, loopback',
    image: { ...IMAGE, allocated: true },
    serverMs: 0,
    rivals: [],
    firm: {},
  },
  {
    name: 'near-20',
    title: '20 GiB image with 10 % data, loopback',
    image: { size: 20 * GIB, share: 0.1, seed: 20 },
    serverMs: 0,
    rivals: [],
    firm: { wire: 1.005 },
  },
  {
    name: 'small',
    title: '256 KiB random file, loopback',
    image: random(256 * KIB),
    serverMs: 0,
    rivals: [],
    firm: { firstByte: 0.35 },
  },
];
