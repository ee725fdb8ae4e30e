// The tensors and metadata of a safetensors file.

const FLOAT16_SCALE = 2 ** 112; // of a float16's bits read as a float32's, whose exponent has another bias

/** @type {Record<string, (buffer: ArrayBuffer) => Float32Array>} */
const floats = {
  F32: (buffer) => new Float32Array(buffer),
  F16(buffer) {
    const bits = Uint32Array.from(new Uint16Array(buffer), (half) => ((half & 0x8000) << 16) | ((half & 0x7fff) << 13));
    return new Float32Array(bits.buffer).map((value) => value * FLOAT16_SCALE);
  },
};

/**
 * @param {ArrayBuffer} file
 * @returns {{metadata: Record<string, string>, tensors: Record<string, Float32Array>}}
 */
export function tensorsIn(file) {
  const start = 8 + Number(new DataView(file).getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(file.slice(8, start)));
  const tensors = Object.fromEntries(
    Object.entries(entries).map(([name, { dtype, data_offsets: [first, end] }]) => [name, floats[dtype](file.slice(start + first, start + end))]),
  );
  return { metadata, tensors };
}
