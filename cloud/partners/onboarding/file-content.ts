export const fileContents = ['pdf', 'jpeg', 'png'] as const;
export type FileContent = (typeof fileContents)[number];

export const mediaTypes: Readonly<Record<FileContent, string>> = {
  pdf: 'application/pdf',
  jpeg: 'image/jpeg',
  png: 'image/png',
};

const PDF_HEAD = /^%PDF-[12]\.\d/;
/** ISO 32000-1, 7.5.5 with the readers' rule of Annex H: the end is marked within the last 1024 bytes. */
const PDF_TAIL_BYTES = 1024;
/** Start of image, and the first byte of the next marker. */
const JPEG_HEAD = Buffer.from([0xff, 0xd8, 0xff]);
/** ISO 15948, 5.2, and the length and name of the first chunk. */
const PNG_HEAD = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

const beginsWith = (bytes: Buffer, head: Buffer): boolean => bytes.subarray(0, head.length).equals(head);

/** What the bytes of a file are, whatever it is called; null: nothing that is taken. Archives and markup are not. */
export function contentOf(bytes: Buffer): FileContent | null {
  if (beginsWith(bytes, JPEG_HEAD)) return 'jpeg';
  if (beginsWith(bytes, PNG_HEAD)) return 'png';
  const isPdf = PDF_HEAD.test(bytes.subarray(0, 8).toString('latin1'));
  return isPdf && bytes.subarray(-PDF_TAIL_BYTES).includes('%%EOF') ? 'pdf' : null;
}
