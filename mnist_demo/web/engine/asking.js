// Questions of one part of the page, which says itself, in its `.away`, that the engine is slow, busy or out of reach.

import { wait } from "../dom.js";
import { texts } from "../texts.js";
import { EngineError, RETRY, TROUBLES } from "./interface.js";

const PATIENCE = 2000; // ms until the reader is told that the engine is slow

/** @param {HTMLElement} element the part */
export function asking(element) {
  /** @param {string} trouble "slow", "busy", "offline", or "" */
  function tell(trouble) {
    if ((element.dataset.trouble ?? "") === trouble) return;
    element.dataset.trouble = trouble;
    const line = element.querySelector(".away");
    if (line) line.textContent = texts[trouble] ?? "";
  }

  /**
   * @template T
   * @param {Promise<T>} asked
   */
  async function watched(asked) {
    const late = setTimeout(() => tell("slow"), PATIENCE);
    try {
      const answer = await asked;
      tell("");
      return answer;
    } catch (error) {
      tell(error instanceof EngineError && TROUBLES.includes(error.code) ? error.code : "");
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /**
   * Return the answer, or null if there is none.
   * @template T
   * @param {Promise<T>} asked
   * @returns {Promise<T | null>}
   */
  const answerOf = (asked) =>
    watched(asked).catch((error) => {
      if (error instanceof EngineError) return null;
      throw error;
    });

  /**
   * Ask until there is an answer, or it is no longer wanted: then null.
   * @template T
   * @param {() => Promise<T>} ask
   * @param {(error: EngineError) => boolean} isWanted
   * @returns {Promise<T | null>}
   */
  async function insist(ask, isWanted = () => true) {
    for (;;) {
      try {
        return await watched(ask());
      } catch (error) {
        if (!(error instanceof EngineError) || !TROUBLES.includes(error.code)) throw error;
        if (!isWanted(error)) return null;
        await wait(error.retryAfter ?? RETRY);
      }
    }
  }

  return { answerOf, insist, watched };
}
