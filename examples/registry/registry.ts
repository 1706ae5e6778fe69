// A register of assets: who owns what, since when, and who owned it before. Run it with
//   quorate devnet --module examples/registry/registry.ts
import { address, call, defineModule, event, hash, height, map, struct, text, uint } from "quorate/module";

export default defineModule(
  {
    name: "registry",
    state: {
      assets: map(hash, struct({ owner: address, label: text(64), since: height, transfers: uint(32) })),
      /** Every owner that an asset has had, from the first on. */
      history: map(struct({ asset: hash, index: uint(32) }), struct({ owner: address, since: height })),
    },
    events: {
      registered: event({ asset: hash, owner: address, label: text(64) }),
      transferred: event({ asset: hash, from: address, to: address }),
    },
    faults: {
      AlreadyRegistered: "the asset is registered already",
      UnknownAsset: "no such asset is registered",
      NotOwner: "only the owner may transfer",
    },
  },
  {
    /** Enters an asset under its digest; it belongs to who enters it. */
    register: call({ asset: hash, label: text(64) }, (ctx, { asset, label }) => {
      if (ctx.state.assets.has(asset)) throw ctx.fault("AlreadyRegistered");
      const owner = ctx.sender;
      ctx.state.assets.set(asset, { owner, label, since: ctx.height, transfers: 0 });
      ctx.state.history.set({ asset, index: 0 }, { owner, since: ctx.height });
      ctx.emit.registered({ asset, owner, label });
    }),
    /** Gives an asset to another account. */
    transfer: call({ asset: hash, to: address }, (ctx, { asset, to }) => {
      const entry = ctx.state.assets.get(asset);
      if (entry === undefined) throw ctx.fault("UnknownAsset");
      if (entry.owner !== ctx.sender) throw ctx.fault("NotOwner");
      const transfers = entry.transfers + 1;
      ctx.state.assets.set(asset, { ...entry, owner: to, since: ctx.height, transfers });
      ctx.state.history.set({ asset, index: transfers }, { owner: to, since: ctx.height });
      ctx.emit.transferred({ asset, from: entry.owner, to });
    }),
  },
);
