/** Where a line can be reached by a master. */
export type LineAddress =
  | { readonly lineId: string; readonly transport: 'serial'; readonly path: string }
  | {
      readonly lineId: string;
      readonly transport: 'tcp' | 'rtu-over-tcp';
      readonly host: string;
      readonly port: number;
    }
  | { readonly lineId: string; readonly transport: 'memory' };

/** A line that answers until it is closed. Its plug can be pulled and put back; both are harmless when it is so already. */
export interface OpenLine {
  /** Valid while it is plugged; a pseudo-terminal without a path of its own is renumbered each time. */
  readonly address: LineAddress;
  /** Takes the device or the listener away from under the master. Settled at once where no operating system is in between. */
  unplug(): Promise<void> | undefined;
  /** @throws (rejects) when the path or the port has been taken meanwhile */
  plug(): Promise<void> | undefined;
  close(): Promise<void>;
}
