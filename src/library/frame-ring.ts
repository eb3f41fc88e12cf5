/** Bytes before each frame: its length, as 32 bits; or WRAP, where the rest of the memory is left over. */
const LENGTH = 4;
const WRAP = -1;

/** Frames in the order in which they came, in memory of a fixed size. Whoever finds it full keeps the frame. */
export class FrameRing {
  private readonly u8: Uint8Array;
  private readonly i32: Int32Array;
  private head = 0;
  private tail = 0;
  private frames = 0;

  /** `bytes`: a multiple of 4. */
  constructor(bytes: number) {
    const buffer = new ArrayBuffer(bytes);
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
  }

  get count(): number {
    return this.frames;
  }

  /** Copies a frame in; false where there is no room. */
  push(frame: Uint8Array): boolean {
    const need = (LENGTH + frame.length + 3) & ~3;
    let at = this.tail;
    if (this.frames > 0 && at <= this.head) {
      if (this.head - at < need) return false;
    } else if (this.u8.length - at < need) {
      if (this.head < need) return false;
      if (at < this.u8.length) this.i32[at >> 2] = WRAP;
      at = 0;
    }
    this.i32[at >> 2] = frame.length;
    this.u8.set(frame, at + LENGTH);
    this.tail = at + need;
    this.frames++;
    return true;
  }

  /** Bytes of the first frame; -1: there is none. */
  get first(): number {
    if (this.frames === 0) return -1;
    if (this.head === this.u8.length || this.i32[this.head >> 2] === WRAP) this.head = 0;
    return this.i32[this.head >> 2] ?? -1;
  }

  /** Copies the first frame to `at` of `target`, and takes it out. Returns its bytes; 0: there is none. */
  shift(target: Uint8Array, at: number): number {
    const length = this.first;
    if (length < 0) return 0;
    const from = this.head + LENGTH;
    target.set(this.u8.subarray(from, from + length), at);
    this.drop();
    return length;
  }

  /** Takes the first frame out. */
  drop(): void {
    const length = this.first;
    if (length < 0) return;
    this.head += (LENGTH + length + 3) & ~3;
    if (--this.frames === 0) {
      this.head = 0;
      this.tail = 0;
    }
  }
}
