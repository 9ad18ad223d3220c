/** The links of sites to the broker, as far as somebody here can end them. */
export interface SiteLinks {
  /**
   * Ends the links of a site, now.
   *
   * @param keepFingerprint links that were made with this credential stay; null: none does
   * @returns false when that is not for this process to do: then they end with what the broker is told by others
   */
  cut(siteId: string, keepFingerprint: string | null): Promise<boolean>;
}
