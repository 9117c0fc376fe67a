-- The keys that sign access tokens: next → active → verify-only → retired.
create table signing_keys (
    -- The key's name in a token's header: the thumbprint of its public part (RFC 7638).
    kid text not null primary key,
    -- `ES256`, `EdDSA` or `RS256`. A verifier takes the algorithm from here, never from the token.
    algorithm text not null,
    state text not null,
    -- The JWK as it is published.
    public_jwk text not null,
    -- Sealed under the root secret (AES-256-GCM); null once the key is retired, because nobody signs with it again.
    sealed_private_key bytea,
    created_at bigint not null,
    -- Published from its creation, signs from here on: later than any copy of the key set without it can live.
    activates_at bigint not null,
    -- When it stopped signing.
    deactivated_at bigint,
    -- When the last token it signed is dead and it may leave the key set.
    retires_at bigint,
    retired_at bigint,

    constraint signing_keys_state_check check (state in ('next', 'active', 'verify-only', 'retired'))
);

-- However many nodes turn the ring at once, one key signs and one waits for its turn.
create unique index signing_keys_state_key on signing_keys (state) where state in ('next', 'active');

-- Other keys that are random and kept sealed under the root secret, by their purpose: the key that authenticates
-- refresh tokens. That it can be opened is how a wrong root secret is recognised before anything is sealed under it.
create table sealed_secrets (
    name text not null primary key,
    -- Replaced in place when the root secret is changed; what is inside stays.
    sealed bytea not null,
    created_at bigint not null
);
