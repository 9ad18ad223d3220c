import { z } from 'zod';
import type { WebhookPoster } from '../../webhooks/post.ts';
import { textOf } from '../texts.ts';
import type { Post, SendOutcome } from './post.ts';
import type { Language, SettingsOf } from './schemas.ts';

/**
 * Limits in bytes of UTF-8, and the rate: https://developer.work.weixin.qq.com/document/path/91770 (群机器人配置说明):
 * text 2048, markdown 4096, 20 messages a minute for each robot.
 */
const LIMITS = { text: 2_048, markdown: 4_096 } as const;
/** A bucket of ten that fills by ten a minute lets no more than twenty out in any minute. */
export const WECOM_POLICY = { perMinute: 10, burst: 10 };

/** Names and details come from sites: nobody is to be called to the group, or sent to another address, by one of them. */
const plain = (text: string): string =>
  text.replace(/[<>]/g, (sign) => (sign === '<' ? '‹' : '›')).replaceAll('](', '] (');

export function wecomBody(post: Post, settings: SettingsOf<'wecom'>, language: Language): string {
  const { format, mention } = settings;
  const calls = format === 'markdown' ? mention.map((id) => `<@${id}>`).join('') : '';
  const room = LIMITS[format] - (calls === '' ? 0 : Buffer.byteLength(calls) + 1);
  const content = textOf(post.alerts, language, { bytes: room, make: plain });
  if (format === 'markdown')
    return JSON.stringify({
      msgtype: 'markdown',
      markdown: { content: calls === '' ? content : `${content}\n${calls}` },
    });
  const text = mention.length === 0 ? { content } : { content, mentioned_list: mention };
  return JSON.stringify({ msgtype: 'text', text });
}

const answerSchema = z.object({ errcode: z.int(), errmsg: z.string().default('') });

/** A robot says in the text of a good answer whether it has taken the message. */
export function wecomOutcome(status: number, text: string): SendOutcome {
  if (status < 200 || status >= 300) return { kind: 'failed', error: `HTTP ${status}` };
  const answer = answerSchema.safeParse(jsonOrNull(text));
  if (!answer.success) return { kind: 'failed', error: 'HTTP 200 without an errcode' };
  const { errcode, errmsg } = answer.data;
  return errcode === 0 ? { kind: 'delivered' } : { kind: 'failed', error: `errcode ${errcode}: ${errmsg}` };
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param url the address of the robot, with its key: a secret */
export async function sendToWecom(
  poster: WebhookPoster,
  post: Post,
  {
    url,
    settings,
    language,
  }: { readonly url: string; readonly settings: SettingsOf<'wecom'>; readonly language: Language },
): Promise<SendOutcome> {
  const body = wecomBody(post, settings, language);
  const outcome = await poster.post(url, { 'content-type': 'application/json' }, body);
  return outcome.kind === 'failed' ? outcome : wecomOutcome(outcome.status, outcome.text);
}
