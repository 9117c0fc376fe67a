// Who is asking: Express middleware that checks Countersign's access tokens.
//
// Set ISSUER and, where tokens are for a named service, AUDIENCE. Keys are read from JWKS_URL (by default
// $ISSUER/.well-known/jwks.json); with JWT_SECRET tokens are checked by that shared secret instead.

import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const issuer = process.env.ISSUER;
const audience = process.env.AUDIENCE || issuer;
const secret = process.env.JWT_SECRET && new TextEncoder().encode(process.env.JWT_SECRET);

// Keys never grow too old to use, so that an issuer that is down stops nobody; they are read again every five
// minutes, and at once for a key that is not known, but no more than once in five seconds.
const jwks = createRemoteJWKSet(new URL(process.env.JWKS_URL || `${issuer}/.well-known/jwks.json`), {
  cacheMaxAge: Infinity,
  cooldownDuration: 5_000,
  timeoutDuration: 3_000,
});
setInterval(() => jwks.reload().catch(() => {}), 300_000).unref();

const rules = {
  issuer,
  audience,
  typ: "at+jwt",
  algorithms: secret ? ["HS256"] : ["ES256", "EdDSA", "RS256"],
  requiredClaims: ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles"],
  clockTolerance: 5,
};

export async function getCurrentUser(token) {
  const { payload } = await jwtVerify(token, secret || jwks, rules);
  if (!/^[1-9][0-9]*$/.test(payload.sub) || typeof payload.aud !== "string" || !Array.isArray(payload.roles)) {
    throw new errors.JWTInvalid("a claim is of the wrong type");
  }
  return { id: Number(payload.sub), sessionId: payload.sid, roles: payload.roles };
}

/** Sets `request.user`, or answers 401, or 403 if the user does not hold the role. */
export function currentUser(role) {
  return async (request, response, next) => {
    const [header, ...more] = request.headersDistinct.authorization ?? [];
    const [, token] = /^bearer +([^ ]+) *$/i.exec(header ?? "") ?? [];
    if (more.length > 0) return refuse(response, 401, "invalid_token", 'Bearer error="invalid_token"');
    if (!token) return refuse(response, 401, "missing_token", "Bearer");
    try {
      request.user = await getCurrentUser(token);
    } catch (error) {
      if (!isTokensFault(error)) return refuse(response, 503, "service_unavailable");
      const code = error instanceof errors.JWTExpired ? "token_expired" : "invalid_token";
      return refuse(response, 401, code, 'Bearer error="invalid_token"');
    }
    if (role && !request.user.roles.includes(role)) {
      return refuse(response, 403, "forbidden", 'Bearer error="insufficient_scope"');
    }
    next();
  };
}

/** Keys that could not be read are no fault of the token. */
function isTokensFault(error) {
  const keysMissing = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  return error instanceof errors.JOSEError && error.code !== "ERR_JOSE_GENERIC" && !keysMissing;
}

function refuse(response, status, code, challenge) {
  if (challenge) response.set("WWW-Authenticate", challenge);
  response.status(status).json({ status, code });
}
