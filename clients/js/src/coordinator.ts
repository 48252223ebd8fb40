/** @module */

export {};
