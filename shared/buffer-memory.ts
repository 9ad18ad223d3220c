/**
 * Gives every small buffer of this thread memory of its own. Cut out of Node's pool, of 64 kB, four bytes that are kept keep all of it,
 * and mqtt-packet keeps the encoded length of each message, once for each length below 16 kB that it has ever sent: a
 * gigabyte in the end (https://github.com/mqttjs/mqtt-packet/issues/163).
 */
export function keepBuffersApart(): void {
  Buffer.poolSize = 0;
}
