/**
 * Series of a job as an event file of TensorBoard: TFRecords (length, masked CRC-32C, message, masked CRC-32C) of
 * `tensorflow.Event` messages (tensorflow/core/util/event.proto, lib/io/record_writer.h).
 *
 * Ours, because npm has no kept writer of these files, and it is a table and two loops.
 */
import { Message } from "@/lib/models/protobuf.ts";
import type { MetricRow } from "@/lib/store/mod.ts";

/** Castagnoli's polynomial, bits reversed: zlib's crc32 has another one. */
const POLYNOMIAL = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** CRC-32C (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A CRC of data that hold CRCs themselves would be weak: the format rotates and shifts it. */
const masked = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

function record(message: Message): Uint8Array<ArrayBuffer> {
  const data = message.finish();
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(bytes.subarray(0, 8))), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return bytes;
}

export interface SeriesTimes {
  /** When the job began. */
  started: Date;
  /** When a step was reported; a step that is not there is taken to be as old as the one before. */
  steps: Map<number, Date>;
}

const seconds = (time: Date) => time.getTime() / 1000;

/**
 * The file, record by record: first its version, then an event for each step with a scalar for each name.
 * What was not finite is NaN, which TensorBoard marks.
 * @param rows in the order of steps
 */
export function* eventFile(
  rows: Iterable<MetricRow>,
  { started, steps }: SeriesTimes,
): Generator<Uint8Array<ArrayBuffer>> {
  yield record(new Message().double(1, seconds(started)).text(3, "brain.Event:2"));
  let time = started;
  for (const [step, values] of bySteps(rows)) {
    time = steps.get(step) ?? time;
    const summary = new Message();
    for (const { name, value } of values) {
      summary.message(1, new Message().text(1, name).float(2, value ?? NaN));
    }
    yield record(new Message().double(1, seconds(time)).int(2, step).message(5, summary));
  }
}

function* bySteps(rows: Iterable<MetricRow>): Generator<[number, MetricRow[]]> {
  let group: MetricRow[] = [];
  for (const row of rows) {
    if (group.length > 0 && row.step !== group[0].step) {
      yield [group[0].step, group];
      group = [];
    }
    group.push(row);
  }
  if (group.length > 0) yield [group[0].step, group];
}
