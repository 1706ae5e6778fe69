/** The tests of examples/attestations, as the example has them. */
import "../../examples/attestations/test/attestations.test.ts";
