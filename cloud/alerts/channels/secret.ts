/** What the secret of a channel is sealed for. */
export const channelSecretContext = (channelId: string): string => `alert-channel:${channelId}`;

/** What a receiver or a server has said may repeat what it was sent: nothing secret of it is kept. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '***');
  return clean;
}
