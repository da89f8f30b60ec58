package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math"
	"sort"
	"strings"
)

func main() {}

//go:wasmexport work
func work(kind, n int32) uint64 {
	switch kind {
	case 0:
		return floats(n)
	case 1:
		return mapsWork(n)
	case 2:
		return sorting(n)
	case 3:
		return hashing(n)
	case 4:
		return jsonWork(n)
	case 5:
		return text(n)
	}
	return uint64(kind)
}

func floats(n int32) uint64 {
	s := 1.0
	for i := int32(1); i <= n; i++ {
		s += math.Sin(float64(i))*math.Sqrt(float64(i)) + math.Log(s*s+1) + float64(int64(s)%7)
	}
	return math.Float64bits(s)
}

func mapsWork(n int32) uint64 {
	m := map[uint32]uint32{}
	x := uint32(1)
	for i := int32(0); i < n; i++ {
		x = x*1664525 + 1013904223
		m[x%1024] += x
		if x%3 == 0 {
			delete(m, x%777)
		}
	}
	var sum uint64
	for k, v := range m {
		sum += uint64(k) * uint64(v)
	}
	return sum
}

func sorting(n int32) uint64 {
	s := make([]int, n)
	x := uint32(7)
	for i := range s {
		x = x*1664525 + 1013904223
		s[i] = int(x >> 8)
	}
	sort.Ints(s)
	var sum uint64
	for i, v := range s {
		sum = sum*31 + uint64(v)*uint64(i)
	}
	return sum
}

func hashing(n int32) uint64 {
	h := sha256.Sum256(bytes.Repeat([]byte("patchbay"), int(n)))
	return binary.LittleEndian.Uint64(h[:])
}

type rec struct {
	Name string         `json:"name"`
	Tags []string       `json:"tags"`
	Attr map[string]any `json:"attr"`
	Val  float64        `json:"val"`
}

func jsonWork(n int32) uint64 {
	var sum uint64
	for i := int32(0); i < n; i++ {
		in := `{"name":"a \u00e9 b","tags":["x","y","z"],"attr":{"k":1.5,"l":[true,null,{"m":"n"}]},"val":2.5e10}`
		var r rec
		if err := json.Unmarshal([]byte(in), &r); err != nil {
			return 0
		}
		r.Val += float64(i)
		out, _ := json.Marshal(r)
		for _, c := range out {
			sum = sum*131 + uint64(c)
		}
	}
	return sum
}

func text(n int32) uint64 {
	s := strings.Repeat(`data: {"id":"c1","choices":[{"delta":{"content":"hello \"x\""}}]}`+"\n\n", int(n))
	var sum uint64
	for _, line := range strings.Split(s, "\n") {
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			i := strings.Index(v, `"content":`)
			for j := i + 11; j < len(v) && v[j] != '}'; j++ {
				sum = sum*131 + uint64(v[j])
			}
		}
	}
	return sum
}
