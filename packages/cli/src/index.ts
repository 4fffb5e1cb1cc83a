/** The command line. Layer 5: the top; nothing imports it but its own tests. */

export {};
