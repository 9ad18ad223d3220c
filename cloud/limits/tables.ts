export interface RateBucketsTable {
  subject: string;
  class: string;
  full_at_us: number;
}
