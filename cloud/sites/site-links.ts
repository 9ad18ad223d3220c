/** The links of sites to the broker, as far as somebody here can end them. */
export interface SiteLinks {
  /**
   * Ends the links of a site, now.
   *
   * @param keepFingerprint links that were made with this credential stay; null: none does
   */
  cut(siteId: string, keepFingerprint: string | null): Promise<void>;
}
