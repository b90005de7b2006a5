declare const brand: unique symbol;

/** A `Base` that only its own parser makes, so that two units of the same base cannot be mixed up. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
