/** What is kept beside a cache and depends on the lengths of its rows. Does not know what that is. */

/** Tensors that keep their place while their numbers follow the lengths of a cache's rows. */
export interface CacheFollower {
  /** Called after the lengths have changed. */
  update(): void;
  dispose(): void;
}

/** The followers of a cache. */
export interface CacheFollowers extends CacheFollower {
  /** The follower of this owner, created the first time. */
  follow<Follower extends CacheFollower>(owner: object, create: () => Follower): Follower;
}

/** No followers yet. */
export function createFollowers(): CacheFollowers {
  const followers = new Map<object, CacheFollower>();
  return {
    follow<Follower extends CacheFollower>(owner: object, create: () => Follower) {
      // An owner has one kind of follower.
      const found = (followers.get(owner) as Follower | undefined) ?? create();
      followers.set(owner, found);
      return found;
    },
    update() {
      for (const follower of followers.values()) follower.update();
    },
    dispose() {
      for (const follower of followers.values()) follower.dispose();
      followers.clear();
    },
  };
}
