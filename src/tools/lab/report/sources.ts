/**
 * What the lab's reports are judged by: formulas and theorems as one writes them, and where each comes from. The links
 * are for readers; a page asks for nothing by itself.
 */

export interface Source {
  readonly name: string;
  readonly url: string;
}

const SOURCES = {
  nakamoto: {
    name: "Nakamoto, Bitcoin: A Peer-to-Peer Electronic Cash System (2008), section 11",
    url: "https://bitcoin.org/bitcoin.pdf",
  },
  rosenfeld: {
    name: "Rosenfeld, Analysis of Hashrate-Based Double Spending (2014)",
    url: "https://arxiv.org/abs/1402.2009",
  },
  selfish: {
    name: "Eyal and Sirer, Majority is not Enough: Bitcoin Mining is Vulnerable (2013)",
    url: "https://arxiv.org/abs/1311.0243",
  },
  generals: {
    name: "Lamport, Shostak and Pease, The Byzantine Generals Problem (1982)",
    url: "https://doi.org/10.1145/357172.357176",
  },
  reaching: {
    name: "Pease, Shostak and Lamport, Reaching Agreement in the Presence of Faults (1980)",
    url: "https://doi.org/10.1145/322186.322188",
  },
  pbft: {
    name: "Castro and Liskov, Practical Byzantine Fault Tolerance and Proactive Recovery (2002)",
    url: "https://doi.org/10.1145/571637.571640",
  },
  partial: {
    name: "Dwork, Lynch and Stockmeyer, Consensus in the Presence of Partial Synchrony (1988)",
    url: "https://doi.org/10.1145/42282.42283",
  },
  cap: {
    name: "Gilbert and Lynch, Brewer's Conjecture and the Feasibility of Consistent, Available, Partition-Tolerant Web Services (2002)",
    url: "https://doi.org/10.1145/564585.564601",
  },
  twins: {
    name: "Bano and others, Twins: BFT Systems Made Robust (2020)",
    url: "https://arxiv.org/abs/2004.10617",
  },
  eclipse: {
    name: "Heilman and others, Eclipse Attacks on Bitcoin's Peer-to-Peer Network (2015)",
    url: "https://eprint.iacr.org/2015/263",
  },
  timewarp: {
    name: "BIP 94, which gives testnet 4 the guard against timewarp",
    url: "https://github.com/bitcoin/bips/blob/master/bip-0094.mediawiki",
  },
  presync: {
    name: "Bitcoin Core, headers that are stored only when the chain has proven its work",
    url: "https://github.com/bitcoin/bitcoin/pull/25717",
  },
  interval: {
    name: "Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927)",
    url: "https://doi.org/10.1080/01621459.1927.10502953",
  },
} as const satisfies Readonly<Record<string, Source>>;

export interface Formula {
  /** Unique on a page. */
  readonly id: string;
  readonly name: string;
  /** As one writes it. */
  readonly formula: string;
  /** What its packets are and when it holds. */
  readonly words: string;
  readonly source: Source;
}

const RATIO = "q: the attacker's part of the hash power, p = 1 - q, r = q/p, z: confirmations.";

const STRICT: Formula = {
  id: "strict",
  name: "Strict formula",
  formula: "P = Σₖ C(z+k-1, k) pᶻ qᵏ · min(1, r^(z+1-k)), k = 0, 1, 2, …",
  words: `${RATIO} k: blocks that the attacker has when the merchant delivers. He must get one block ahead; with a give-up at a deficit g the last factor for a deficit d is (rᵈ - rᵍ) / (1 - rᵍ).`,
  source: SOURCES.rosenfeld,
};

const QUORUMS: Formula = {
  id: "quorums",
  name: "Two quorums share a correct validator",
  formula: "2Q - n ≥ f + 1, with f = ⌊(n-1)/3⌋ and Q = ⌈(n+f+1)/2⌉",
  words:
    "While at most f validators lie, two blocks of one height cannot both have a certificate: a theorem, not a chance.",
  source: SOURCES.pbft,
};
