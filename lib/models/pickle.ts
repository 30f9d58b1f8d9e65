/**
 * The part of Python's pickle format that PyTorch's `state_dict` files use: numbers, strings, lists,
 * tuples, dictionaries and tensors. Nothing is executed: a global that is not on the list below is an
 * error, and none of those on it calls anything but the constructors in this file.
 * Source: the opcode table of CPython's `pickletools`, protocol 2 to 5.
 */

/** A tensor as it stands in the file: a strided window of a storage, still unread. */
export class PickledTensor {
  constructor(
    readonly storage: PickledStorage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}
}

/** A storage by its key in the archive (`data/KEY`, or the list at the end of a file before PyTorch 1.6). */
export class PickledStorage {
  constructor(
    readonly type: string,
    readonly key: string,
    readonly elements: number,
    /** Where a view of another storage begins in it, elements; 0 for a storage of its own. */
    readonly from = 0,
  ) {}
}

export type Pickled =
  | null
  | boolean
  | number
  | string
  | Pickled[]
  | PickledDict
  | PickledTensor
  | PickledStorage
  | Global;

/** A dictionary; keys that are no strings are kept as their text. */
export type PickledDict = Map<string, Pickled>;

class Global {
  constructor(readonly name: string) {}
}

const STORAGES = /^torch (Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage$/;
const CONSTRUCTORS = new Set([
  "collections OrderedDict",
  "torch._utils _rebuild_tensor",
  "torch._utils _rebuild_tensor_v2",
  "torch._utils _rebuild_parameter",
]);
const MARK = Symbol("mark");
const MOST_VALUES = 1_000_000;

/**
 * Reads one pickle.
 * @throws {Error} on an opcode or a global outside the list, on truncation, and beyond a million values
 */
export function readPickle(bytes: Uint8Array): Pickled {
  return readPickleAt(bytes, 0).value;
}

/** A pickle among others in a file. */
export interface PickledPart {
  value: Pickled;
  /** The byte after it. */
  end: number;
  /** Types of the storages that it names, by key. */
  storages: Map<string, string>;
}

/** Reads the pickle that begins at a byte of a file. Throws as `readPickle`. */
export function readPickleAt(bytes: Uint8Array, at: number): PickledPart {
  const unpickler = new Unpickler(bytes, at);
  const value = unpickler.run();
  return { value, end: unpickler.at, storages: unpickler.storages };
}

class Unpickler {
  private readonly view: DataView;
  private readonly stack: (Pickled | typeof MARK)[] = [];
  private readonly memo = new Map<number, Pickled>();
  private values = 0;
  readonly storages = new Map<string, string>();

  /** @param at the next byte to be read */
  constructor(private readonly bytes: Uint8Array, public at: number) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Pickled {
    for (;;) {
      const opcode = this.take(1)[0];
      if (opcode === 0x2e) return this.pop();
      this.step(opcode);
    }
  }

  private step(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        this.take(1);
        return;
      case 0x95: // FRAME
        this.take(8);
        return;
      case 0x4e: // NONE
        return this.push(null);
      case 0x88: // NEWTRUE
        return this.push(true);
      case 0x89: // NEWFALSE
        return this.push(false);
      case 0x4a: // BININT
        return this.push(this.view.getInt32(this.skip(4), true));
      case 0x4b: // BININT1
        return this.push(this.take(1)[0]);
      case 0x4d: // BININT2
        return this.push(this.view.getUint16(this.skip(2), true));
      case 0x8a: // LONG1
        return this.push(this.long(this.take(this.take(1)[0])));
      case 0x55: // SHORT_BINSTRING, of Python 2
        return this.push(this.text(this.take(1)[0]));
      case 0x54: // BINSTRING, of Python 2
        return this.push(this.text(this.view.getUint32(this.skip(4), true)));
      case 0x47: // BINFLOAT
        return this.push(this.view.getFloat64(this.skip(8), false));
      case 0x58: // BINUNICODE
        return this.push(this.text(this.view.getUint32(this.skip(4), true)));
      case 0x8c: // SHORT_BINUNICODE
        return this.push(this.text(this.take(1)[0]));
      case 0x7d: // EMPTY_DICT
        return this.push(new Map());
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return this.push([]);
      case 0x28: // MARK
        this.stack.push(MARK);
        return;
      case 0x74: // TUPLE
        return this.push(this.popMark());
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.push(this.popMany(opcode - 0x84));
      case 0x61: // APPEND
        return this.append([this.pop()]);
      case 0x65: // APPENDS
        return this.append(this.popMark());
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2));
      case 0x75: // SETITEMS
        return this.setItems(this.popMark());
      case 0x71: // BINPUT
        return this.remember(this.take(1)[0]);
      case 0x72: // LONG_BINPUT
        return this.remember(this.view.getUint32(this.skip(4), true));
      case 0x94: // MEMOIZE
        return this.remember(this.memo.size);
      case 0x68: // BINGET
        return this.push(this.recall(this.take(1)[0]));
      case 0x6a: // LONG_BINGET
        return this.push(this.recall(this.view.getUint32(this.skip(4), true)));
      case 0x63: // GLOBAL
        return this.push(this.global(`${this.line()} ${this.line()}`));
      case 0x93: { // STACK_GLOBAL
        const [module, name] = this.popMany(2);
        return this.push(this.global(`${module} ${name}`));
      }
      case 0x51: // BINPERSID
        return this.push(this.storage(this.pop()));
      case 0x52: { // REDUCE
        const [callee, args] = this.popMany(2);
        return this.push(this.construct(callee, args));
      }
      case 0x62: { // BUILD: state_dict's `_metadata`, which holds nothing that is needed
        this.pop();
        return;
      }
      default:
        throw new Error(
          `Cannot read pickle: opcode 0x${opcode.toString(16)} at byte ${
            this.at - 1
          } is not allowed`,
        );
    }
  }

  private skip(count: number): number {
    const start = this.at;
    if (start + count > this.bytes.length) throw new Error("Cannot read pickle: it ends too early");
    this.at += count;
    return start;
  }

  private take(count: number): Uint8Array {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  private text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new Error("Cannot read pickle: it ends too early");
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  private long(bytes: Uint8Array): number {
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    if (bytes.length > 0) value = BigInt.asIntN(8 * bytes.length, value);
    return Number(value);
  }

  private push(value: Pickled): void {
    if (++this.values > MOST_VALUES) throw new Error("Cannot read pickle: too many values");
    this.stack.push(value);
  }

  private pop(): Pickled {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) {
      throw new Error("Cannot read pickle: a value is missing");
    }
    return value as Pickled;
  }

  private popMany(count: number): Pickled[] {
    const values: Pickled[] = [];
    for (let i = 0; i < count; i++) values.unshift(this.pop());
    return values;
  }

  private popMark(): Pickled[] {
    const at = this.stack.lastIndexOf(MARK);
    if (at < 0) throw new Error("Cannot read pickle: a mark is missing");
    const values = this.stack.splice(at);
    return values.slice(1) as Pickled[];
  }

  private append(values: Pickled[]): void {
    const list = this.stack.at(-1);
    if (!Array.isArray(list)) throw new Error("Cannot read pickle: a list is missing");
    for (const value of values) list.push(value);
  }

  private setItems(values: Pickled[]): void {
    const dict = this.stack.at(-1);
    if (!(dict instanceof Map)) throw new Error("Cannot read pickle: a dictionary is missing");
    for (let i = 0; i + 1 < values.length; i += 2) dict.set(String(values[i]), values[i + 1]);
  }

  private remember(key: number): void {
    const value = this.stack.at(-1);
    if (value === undefined || value === MARK) {
      throw new Error("Cannot read pickle: a value is missing");
    }
    this.memo.set(key, value as Pickled);
  }

  private recall(key: number): Pickled {
    const value = this.memo.get(key);
    if (value === undefined) throw new Error(`Cannot read pickle: memo ${key} is missing`);
    return value;
  }

  private global(name: string): Global {
    if (CONSTRUCTORS.has(name) || STORAGES.test(name)) return new Global(name);
    throw new Error(
      `Cannot read pickle: it names "${
        name.replace(" ", ".")
      }", and only tensors and dictionaries are read: save model.state_dict() alone`,
    );
  }

  /** `("storage", type, key, device, elements)`, before PyTorch 1.6 with `(key, from, elements)` of a view or None. */
  private storage(id: Pickled): PickledStorage {
    if (Array.isArray(id) && id[0] === "storage" && id[1] instanceof Global) {
      const [, type, key, , elements, part = null] = id;
      const name = STORAGES.exec(type.name)?.[1];
      if (name && typeof key === "string" && isCount(elements)) {
        this.storages.set(key, name);
        if (part === null) return new PickledStorage(name, key, elements);
        if (Array.isArray(part) && isCount(part[1]) && isCount(part[2])) {
          return new PickledStorage(name, key, part[2], part[1]);
        }
      }
    }
    throw new Error("Cannot read pickle: a storage is malformed");
  }

  private construct(callee: Pickled, args: Pickled): Pickled {
    if (callee instanceof Global && Array.isArray(args)) {
      if (callee.name === "collections OrderedDict" && args.length === 0) return new Map();
      if (callee.name === "torch._utils _rebuild_parameter" && args[0] instanceof PickledTensor) {
        return args[0];
      }
      const [storage, offset, shape, strides] = args;
      if (
        callee.name.startsWith("torch._utils _rebuild_tensor") &&
        storage instanceof PickledStorage &&
        isCount(offset) && isCounts(shape) && isCounts(strides) && shape.length === strides.length
      ) return new PickledTensor(storage, offset, shape, strides);
    }
    throw new Error("Cannot read pickle: an object is malformed");
  }
}

function isCount(value: Pickled): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: Pickled): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}
