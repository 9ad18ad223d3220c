/** Whose responsibility an error is. */
export type Fault = 'caller' | 'vehicle' | 'pile' | 'site' | 'network' | 'platform';

/** One error of the catalogue: whose responsibility it is, what it says, and what to do. */
export interface ErrorEntry {
  readonly fault: Fault;
  readonly en: string;
  readonly zh: string;
  readonly doEn: string;
  readonly doZh: string;
}

export const entry = (fault: Fault, en: string, zh: string, doEn: string, doZh: string): ErrorEntry => ({
  fault,
  en,
  zh,
  doEn,
  doZh,
});
