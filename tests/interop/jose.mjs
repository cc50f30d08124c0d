// Reads requests from standard input, one JSON object per line, and answers each with one: the npm package jose as the other side of our tokens.
import { createInterface } from 'node:readline';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';

const operations = {
  async verify({ token, jwks, issuer, audience, at }) {
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
      issuer,
      audience,
      typ: 'at+jwt',
      algorithms: ['ES256'],
      currentDate: new Date(at),
    });
    return { payload, header: protectedHeader };
  },
  async sign({ kid, claims, count }) {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const tokens = [];
    for (let i = 0; i < count; i++) tokens.push(await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid }).sign(privateKey));
    return { tokens, jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] } };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line);
  try {
    console.log(JSON.stringify(await operations[op](request)));
  } catch (failure) {
    console.log(JSON.stringify({ refused: failure.code ?? failure.message }));
  }
}
