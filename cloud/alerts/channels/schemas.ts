import { z } from 'zod';
import { isLoopbackHost } from '#shared/loopback.ts';
import { settingNameSchema } from '../chain.ts';

export const channelKinds = ['mail', 'webhook', 'wecom', 'gateway'] as const;
export type ChannelKind = (typeof channelKinds)[number];
export const languages = ['zh', 'en'] as const;
export type Language = (typeof languages)[number];

const mailAddressSchema = z.email().max(254);
const urlSchema = z.string().max(500);
const phoneSchema = z.string().regex(/^\+[1-9]\d{6,14}$/, 'a telephone number in E.164, such as +8613800000000');

const mailSchema = z
  .strictObject({
    kind: z.literal('mail'),
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65_535),
    security: z
      .enum(['tls', 'starttls', 'none'])
      .describe('tls: from the first byte. starttls: refused where the server does not offer it'),
    ca_pem: z.string().max(20_000).optional().describe('authorities that are trusted instead of the usual ones'),
    user: z.string().min(1).max(200).optional(),
    from: mailAddressSchema,
    to: z.array(mailAddressSchema).min(1).max(50),
  })
  .refine(
    ({ security, user, host }) => security !== 'none' || (user === undefined && isLoopbackHost(host)),
    'security none is only for a server on this machine, without a login',
  );

const webhookSchema = z.strictObject({ kind: z.literal('webhook'), url: urlSchema });

const wecomSchema = z.strictObject({
  kind: z.literal('wecom'),
  format: z.enum(['markdown', 'text']).default('markdown'),
  mention: z
    .array(z.string().regex(/^(@all|[\w@.-]{1,64})$/, 'a user id'))
    .max(20)
    .default([]),
});

const gatewaySchema = z.strictObject({
  kind: z.literal('gateway'),
  url: urlSchema,
  mode: z.enum(['sms', 'voice']),
  to: z.array(phoneSchema).min(1).max(20),
});

/** What is shown of a channel. */
export const channelSettingsSchema = z.discriminatedUnion('kind', [
  mailSchema,
  webhookSchema,
  wecomSchema,
  gatewaySchema,
]);
export type ChannelSettings = z.infer<typeof channelSettingsSchema>;
export type SettingsOf<Kind extends ChannelKind> = Extract<ChannelSettings, { kind: Kind }>;

export const newChannelSchema = z.strictObject({
  channel_id: settingNameSchema,
  name: z.string().min(1).max(100),
  language: z.enum(languages),
  settings: channelSettingsSchema,
  secret: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'of mail: the password; of wecom: the whole address of the robot. Never shown again. webhook and gateway get one that is shown once',
    ),
});
export type NewChannel = z.infer<typeof newChannelSchema>;

export const channelSchema = z
  .object({
    channel_id: z.string(),
    name: z.string(),
    language: z.enum(languages),
    settings: channelSettingsSchema,
    created_at: z.iso.datetime(),
    delivered_at: z.iso.datetime().nullable().describe('when a message was last delivered'),
    failing_since: z.iso.datetime().nullable(),
    disabled_at: z.iso.datetime().nullable(),
    disabled_reason: z.string().nullable(),
  })
  .meta({ id: 'AlertChannel' });

export const createdChannelSchema = channelSchema
  .extend({ secret: z.string().nullable().describe('shown once: what the receiver checks signatures with') })
  .meta({ id: 'CreatedAlertChannel' });
