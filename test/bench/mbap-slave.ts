import { createServer } from 'node:net';

/**
 * A Modbus TCP slave with nothing behind it: every read is answered at once from one buffer. It is the same for all
 * masters, so that only they differ.
 */
const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 12) {
      const bytes = rest.readUInt16BE(10) * 2;
      const reply = Buffer.alloc(9 + bytes, 0x11);
      rest.copy(reply, 0, 0, 4);
      reply.writeUInt16BE(3 + bytes, 4);
      rest.copy(reply, 6, 6, 8);
      reply[8] = bytes;
      socket.write(reply);
      rest = rest.subarray(12);
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
