// The app's icon as PNG, drawn from the same shapes as public/icon.svg: node scripts/icons.mjs
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";

const ROOM = [0x0f, 0x46, 0x34];
const FLAME = [0xf4, 0xb9, 0x42];
const LINEN = [0xee, 0xf1, 0xea];
const SAMPLES = 4;

/** Inside a square of 64 with corners of radius `corner`, as icon.svg has it. */
function inPlate(x, y, corner) {
  const dx = Math.max(corner - x, x - (64 - corner), 0);
  const dy = Math.max(corner - y, y - (64 - corner), 0);
  return x >= 0 && y >= 0 && x <= 64 && y <= 64 && Math.hypot(dx, dy) <= corner + (corner === 0 ? 0.001 : 0);
}

/** The two chairs: arcs of radius 21.8 round the middle, 6 wide, with round ends. */
function inChair(x, y) {
  const [dx, dy] = [Math.abs(x - 32), y - 32];
  if (Math.abs(dy) <= 11.5) return Math.abs(Math.hypot(dx, dy) - 21.8) <= 3;
  return Math.hypot(dx - 18.5, Math.abs(dy) - 11.5) <= 3;
}

function colourAt(x, y, { corner, scale }) {
  if (!inPlate(x, y, corner)) return null;
  const [u, v] = [32 + (x - 32) / scale, 32 + (y - 32) / scale];
  if (Math.hypot(u - 32, v - 32) <= 13) return FLAME;
  return inChair(u, v) ? LINEN : ROOM;
}

function pixels(size, shape) {
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const sum = [0, 0, 0, 0];
      for (let n = 0; n < SAMPLES * SAMPLES; n++) {
        const x = ((column + ((n % SAMPLES) + 0.5) / SAMPLES) * 64) / size;
        const y = ((row + (Math.floor(n / SAMPLES) + 0.5) / SAMPLES) * 64) / size;
        const colour = colourAt(x, y, shape);
        if (colour === null) continue;
        for (let c = 0; c < 3; c++) sum[c] += colour[c];
        sum[3] += 1;
      }
      const at = row * (size * 4 + 1) + 1 + column * 4;
      for (let c = 0; c < 3; c++) rows[at + c] = sum[3] === 0 ? 0 : Math.round(sum[c] / sum[3]);
      rows[at + 3] = Math.round((sum[3] * 255) / (SAMPLES * SAMPLES));
    }
  }
  return rows;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body) >>> 0, body.length + 4);
  return framed;
}

function png(size, shape) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels(size, shape), { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const round = { corner: 15, scale: 1 };
/** Launchers cut their own shape: the ground goes to the edge, the table stays in the middle four fifths. */
const whole = { corner: 0, scale: 0.78 };
for (const [name, size, shape] of [
  ["icon-192.png", 192, round],
  ["icon-512.png", 512, round],
  ["icon-maskable-512.png", 512, whole],
  ["apple-touch-icon.png", 180, { corner: 0, scale: 0.9 }],
]) {
  writeFileSync(join(import.meta.dirname, "..", "public", name), png(size, shape));
}
