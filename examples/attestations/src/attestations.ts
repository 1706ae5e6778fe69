// A supply chain of attestations: who attested what kind of thing, made from which others. What an attestation says is not
// here: only its salted digest is. See ../README.md and sealing.ts.
import {
  address,
  call,
  defineModule,
  event,
  hash,
  height,
  list,
  map,
  option,
  struct,
  text,
} from "quorate/module";

export default defineModule(
  {
    name: "attestations",
    state: {
      /** By the digest that `seal` gives. */
      attestations: map(
        hash,
        struct({
          issuer: address,
          kind: text(32),
          inputs: list(hash, 8),
          since: height,
          revoked: option(height),
        }),
      ),
      /** The X25519 public key to which an account's attestations are sealed. */
      keys: map(address, hash),
    },
    events: {
      attested: event({ digest: hash, issuer: address, kind: text(32), inputs: list(hash, 8) }),
      revoked: event({ digest: hash, issuer: address }),
      keyPublished: event({ owner: address, key: hash }),
    },
    faults: {
      AlreadyAttested: "this digest is attested already",
      UnknownAttestation: "no attestation has this digest",
      UnknownInput: "an input is not attested",
      RevokedInput: "an input was revoked",
      RepeatedInput: "an input is named twice",
      NotIssuer: "only who attested it may revoke it",
      AlreadyRevoked: "it was revoked before",
    },
  },
  {
    /** Says which key others seal to; another replaces it, and what was sealed to the first needs the first. */
    publish: call({ key: hash }, (ctx, { key }) => {
      ctx.state.keys.set(ctx.sender, key);
      ctx.emit.keyPublished({ owner: ctx.sender, key });
    }),
    /** Attests what has this digest; `inputs` are the attestations of what it was made from. */
    attest: call({ digest: hash, kind: text(32), inputs: list(hash, 8) }, (ctx, { digest, kind, inputs }) => {
      const { attestations } = ctx.state;
      if (attestations.has(digest)) throw ctx.fault("AlreadyAttested");
      for (const [i, input] of inputs.entries()) {
        if (inputs.indexOf(input) !== i) throw ctx.fault("RepeatedInput");
        const entry = attestations.get(input);
        if (entry === undefined) throw ctx.fault("UnknownInput");
        if (entry.revoked !== null) throw ctx.fault("RevokedInput");
      }
      attestations.set(digest, { issuer: ctx.sender, kind, inputs, since: ctx.height, revoked: null });
      ctx.emit.attested({ digest, issuer: ctx.sender, kind, inputs });
    }),
    /** Takes an attestation back; it stays on the chain, marked. */
    revoke: call({ digest: hash }, (ctx, { digest }) => {
      const entry = ctx.state.attestations.get(digest);
      if (entry === undefined) throw ctx.fault("UnknownAttestation");
      if (entry.issuer !== ctx.sender) throw ctx.fault("NotIssuer");
      if (entry.revoked !== null) throw ctx.fault("AlreadyRevoked");
      ctx.state.attestations.set(digest, { ...entry, revoked: ctx.height });
      ctx.emit.revoked({ digest, issuer: ctx.sender });
    }),
  },
);
