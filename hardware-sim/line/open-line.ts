/** Where a line can be reached by a master. */
export type LineAddress =
  | { readonly lineId: string; readonly transport: 'serial'; readonly path: string }
  | { readonly lineId: string; readonly transport: 'tcp'; readonly host: string; readonly port: number };

/** A line that answers until it is closed. */
export interface OpenLine {
  readonly address: LineAddress;
  close(): Promise<void>;
}
