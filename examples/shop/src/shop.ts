// A register of items: who owns what, and since which block. Change it into what your chain is for.
import { address, call, defineModule, event, hash, height, map, struct, text } from "quorate/module";

export default defineModule(
  {
    name: "shop",
    state: {
      items: map(hash, struct({ owner: address, label: text(64), since: height })),
    },
    events: {
      created: event({ item: hash, owner: address }),
      given: event({ item: hash, from: address, to: address }),
    },
    faults: {
      AlreadyThere: "an item with this hash is there already",
      UnknownItem: "there is no such item",
      NotOwner: "only the owner may give an item away",
    },
  },
  {
    /** Enters an item, which belongs to who enters it. */
    create: call({ item: hash, label: text(64) }, (ctx, { item, label }) => {
      if (ctx.state.items.has(item)) throw ctx.fault("AlreadyThere");
      ctx.state.items.set(item, { owner: ctx.sender, label, since: ctx.height });
      ctx.emit.created({ item, owner: ctx.sender });
    }),
    /** Gives an item to another account. */
    give: call({ item: hash, to: address }, (ctx, { item, to }) => {
      const entry = ctx.state.items.get(item);
      if (entry === undefined) throw ctx.fault("UnknownItem");
      if (entry.owner !== ctx.sender) throw ctx.fault("NotOwner");
      ctx.state.items.set(item, { ...entry, owner: to, since: ctx.height });
      ctx.emit.given({ item, from: entry.owner, to });
    }),
  },
);
