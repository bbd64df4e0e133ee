// node server.js PORT: POST /kafka/request/:topic as Fastify and kafkajs have it. What it sends is sealed, so that the same
// worker answers it as answers the gateway. KAFKA_BROKERS and ENCRYPTION_KEY as there.
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { Kafka, logLevel } from 'kafkajs';

const key = Buffer.from(process.env.ENCRYPTION_KEY, 'hex');
const kafka = new Kafka({ clientId: 'node-gateway', brokers: process.env.KAFKA_BROKERS.split(','), logLevel: logLevel.ERROR });
const replyTopic = 'node-gateway.replies';
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 });
const consumer = kafka.consumer({ groupId: `node-gateway-${randomUUID()}` });
const pending = new Map();

function seal(id, value) {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const data = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]).toString('hex');
  return JSON.stringify({ request_id: id, data, iv: iv.toString('hex'), tag: cipher.getAuthTag().toString('hex'), replyTopic });
}

function open(envelope) {
  const cipher = createDecipheriv('aes-256-gcm', key, Buffer.from(envelope.iv, 'hex'));
  cipher.setAuthTag(Buffer.from(envelope.tag, 'hex'));
  return JSON.parse(Buffer.concat([cipher.update(Buffer.from(envelope.data, 'hex')), cipher.final()]).toString('utf8'));
}

function answer(message) {
  const envelope = JSON.parse(message.value.toString());
  const waiting = pending.get(envelope.request_id);
  if (!waiting) return;
  pending.delete(envelope.request_id);
  clearTimeout(waiting.timer);
  waiting.resolve(open(envelope));
}

function ask(topic, { key: recordKey, value, headers }, timeout) {
  const id = randomUUID();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => pending.delete(id) && reject(Object.assign(new Error('timeout'), { statusCode: 408 })), timeout);
    pending.set(id, { resolve, timer });
    producer.send({ topic, messages: [{ key: recordKey ?? id, value: seal(id, value), headers }] }).catch(reject);
  });
}

const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ waitForLeaders: true, topics: [{ topic: replyTopic, numPartitions: 1 }] });
await admin.disconnect();
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic: replyTopic });
const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
await consumer.run({ eachMessage: async ({ message }) => answer(message) });
await joined;

const server = Fastify();
server.post('/kafka/request/:topic', async (request) => {
  const reply = await ask(request.params.topic, request.body, Number(request.query.timeout ?? 30000));
  return { success: reply.success, response: reply.payload, timestamp: new Date().toISOString() };
});
await server.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
console.log(`listening on port ${server.server.address().port}`);
